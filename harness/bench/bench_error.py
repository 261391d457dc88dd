"""Errors of measuring."""

from harness.errors import InfrastructureError


class BenchError(InfrastructureError):
    """A measurement that measures nothing."""
