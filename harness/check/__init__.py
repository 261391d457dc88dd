"""Judges a patch: base and patched kernel run the same programs, and the results are compared."""
