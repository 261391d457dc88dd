"""Rules of the interface broken on purpose, and what each kernel is expected to say (docs/broken-rules.md)."""
