"""The fast path: frequent operations whose only outcome is found without a draft."""
