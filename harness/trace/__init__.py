"""Traces: the stored form of a run, which can be judged again without a guest."""
