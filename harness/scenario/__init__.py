"""The operation language: scenarios as text, and generators of programs."""
