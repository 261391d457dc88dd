"""A fuller guest with an SSH server, reachable on the host's loopback only."""
