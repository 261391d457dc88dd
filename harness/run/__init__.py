"""Scenario to trace: drives the programs of a run through a guest."""
