"""Kernels with one bug each (mutants): which of the bugs the harness finds.

``mutant_catalogue`` reads the mutants.  ``source_edit`` puts one into a source and takes it out
again.  ``join`` and ``operators`` put many into one source, and ``switched`` runs a kernel with
one of them switched on.  ``shared_tree`` is the source tree that all mutants of a kernel share.
``attempt`` runs a mutant, ``score`` compares what was found with what the catalogue expects.
"""
