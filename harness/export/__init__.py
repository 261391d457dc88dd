"""Scenarios as C: a KUnit suite, or a kernel module, that needs nothing of this project."""
