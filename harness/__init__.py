"""kmap-harness: judges the highmem mapping code of real i386 kernels against a reference model."""

__version__ = "0.1.0"
