"""A patch judged: base and patched kernel run the same programs, and each result is held against the other."""
