"""Where a kernel comes from: packages, builds, the cache, and facts read from ELF files."""
