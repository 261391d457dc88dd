"""Concurrent histories: decides whether some order explains what several CPUs saw at once."""
