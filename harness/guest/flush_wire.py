"""FLUSHES on the wire: the instructions that the module shall watch, and what became of each."""

from collections.abc import Iterator
from errno import EILSEQ
from struct import Struct, iter_unpack

from harness.architecture.flush_site import FlushScan

_CODE = 14
SITE = Struct(f"<2i6B{_CODE}B")


def encode_flushes(found: FlushScan) -> bytes:
    """An array of ``struct kmh_flush_site``."""
    return b"".join(
        SITE.pack(
            one.address - found.anchor,
            one.displacement,
            one.kind,
            one.register,
            one.base,
            one.index,
            one.scale,
            len(one.code),
            *one.code.ljust(_CODE, b"\0"),
        )
        for one in found.sites
    )


def refused_flushes(found: FlushScan, body: memoryview) -> Iterator[str]:
    """Each site that the module cannot watch, with the reason."""
    for site, (error,) in zip(found.sites, iter_unpack("<i", body), strict=True):
        if error == -EILSEQ:
            yield f"{site}: another instruction stands there"
        elif error:
            yield f"{site}: the kernel takes no probe there (errno {-error})"
