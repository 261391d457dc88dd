"""The commands: each is thin, and puts the rooms together."""
