"""Breaks the rules of the interface on purpose, and checks what the kernel says to it.

See docs/broken-rules.md.
"""
