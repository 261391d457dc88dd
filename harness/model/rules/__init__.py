"""The rules: what a machine may be seen to do with one operation."""
