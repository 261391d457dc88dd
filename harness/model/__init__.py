"""The reference model of pkmap and the fixmap windows: pure functions over frozen records."""
