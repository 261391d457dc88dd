"""The reference model of pkmap and the fixmap windows: pure, no I/O, frozen records, set-valued steps."""
