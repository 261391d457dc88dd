"""The commands: thin, each composes the rooms."""
