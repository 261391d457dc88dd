"""What many rooms use and none of them owns: paths, the cache, the host, clocks, fingerprints."""
