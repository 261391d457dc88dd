"""The bzImage: x86's compressed kernel image.

Its header is that of Documentation/x86/boot.rst (6.1).
"""

import struct

_SECTOR = 512


def release(image: bytes) -> str:
    """Return the release that the header names (the first word of ``kernel_version``).

    Raises ValueError for bytes that are no bzImage.
    """
    _require_header(image)
    (offset,) = struct.unpack_from("<H", image, 0x20E)
    text = image[offset + 0x200 : offset + 0x400].partition(b"\0")[0]
    return text.decode("ascii", "replace").partition(" ")[0]


def payload(image: bytes) -> bytes:
    """Return the compressed ELF file; raises ValueError for bytes that are no bzImage."""
    _require_header(image)
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * _SECTOR + offset
    return image[start : start + length]


def _require_header(image: bytes) -> None:
    if image[0x202:0x206] != b"HdrS":
        raise ValueError("it has no boot header")
