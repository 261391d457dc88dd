"""What depends on the processor that a kernel is built for: one record for each architecture."""
