"""Patches: read from where kernel developers keep them, applied in scratch trees that are ours alone."""
