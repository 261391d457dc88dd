"""Reports: each is a function of a finished result.  Only the commands import them."""
