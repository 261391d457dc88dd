"""``python -m harness`` is ``kmap-harness``."""

from harness.cli.main import main

main()
