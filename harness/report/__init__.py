"""Reports: each a function of a finished result."""
