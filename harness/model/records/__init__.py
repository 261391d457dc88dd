"""The records: what an operation, a machine, a state and an observation are."""
