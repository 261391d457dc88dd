"""Fuzzing: random programs, guided by what they reach, and shrunk to what a person reads."""
