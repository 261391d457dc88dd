"""What ATTRIBUTE finds of a page's aliases while the page has another protection.

``kmod/protocol_op.h`` has the same bits (``KMH_ATTRIBUTE_*``).
"""

from enum import IntFlag
from typing import Final

from harness.model.records.operation import Prot

STORES_SHIFT: Final = 8
"""From here on: CPUs that could store through the direct map; 8 bits above: through the alias."""

ATTRIBUTES: Final = frozenset({Prot.RO, Prot.NOCACHE, Prot.WC})
"""What a page can get."""


class AttributeFound(IntFlag):
    """What was seen: attributes in the middle, and whether the old ones came back."""

    DIRECT = 1 << 0
    ALIAS = 1 << 1
    RESTORED = 1 << 2
    ERROR = 1 << 3


def found_words(value: int) -> str:
    """The value of ATTRIBUTE in words."""
    bits = AttributeFound(value & 0xF)
    names = ", ".join(one.name.lower() for one in AttributeFound if one in bits and one.name)
    stores = f"{value >> STORES_SHIFT & 0xFF} and {value >> STORES_SHIFT + 8 & 0xFF}"
    return f"{names or 'nothing'}; stores by direct map and alias on {stores} CPUs"
