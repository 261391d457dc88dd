"""Things that many rooms use and none owns: paths, the cache, the host, clocks, fingerprints."""
