"""The architectures that there are, by name: for records that are read back from a file."""

from collections.abc import Mapping
from typing import Final

from harness.architecture.architecture import Architecture
from harness.architecture.i386 import I386

ARCHITECTURES: Final[Mapping[str, Architecture]] = {one.name: one for one in (I386,)}
