"""Facts that depend on the processor of a kernel: one record for each architecture."""
