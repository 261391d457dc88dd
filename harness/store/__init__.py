"""The memory of the nights: one SQLite file, what its runs found, and what has changed."""
