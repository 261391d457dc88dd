"""Real against model: judges every step, names divergences, follows foreign users."""
