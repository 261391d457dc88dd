"""Concurrent histories: what several CPUs did at once, and whether any order of it explains what they saw."""
