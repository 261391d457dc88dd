"""Kernels with one bug each: what of the bugs the harness would have missed.

``catalogue`` reads the mutants, ``edit`` puts one into a source and takes it out again, ``field`` is the
source and object folder that all mutants of one kernel share, ``score`` says what was found and
whether that is what the catalogue asks for.
"""
