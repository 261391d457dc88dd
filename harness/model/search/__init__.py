"""Exploration: every state that small machines reach."""
