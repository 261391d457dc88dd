"""AREAS and FRAMES on the wire: what the boot has made of addresses and of frames."""

from collections.abc import Iterable
from struct import Struct

from harness.guest.failure import WireError
from harness.guest.protocol import VERSIONS
from harness.model.boot.address_area import AddressArea, AreaKind
from harness.model.boot.boot_view import FrameRun

AREA = Struct("<4I")
RANGE = Struct("<3I")
RUN = Struct("<3I")


def encode_frames(wanted: Iterable[FrameRun]) -> bytes:
    """An array of ``struct kmh_frame_range``; the flags of each are those to look for."""
    return b"".join(RANGE.pack(first, end - first, flags) for first, end, flags in wanted)


def decode_runs(body: memoryview) -> tuple[FrameRun, ...]:
    """Decode runs of frames; raises WireError for bytes that are no array of them."""
    if len(body) % RUN.size:
        raise WireError(f"{len(body)} bytes are no array of runs of frames", hint=VERSIONS)
    return tuple(
        FrameRun(first, first + count, flags) for first, count, flags in RUN.iter_unpack(body)
    )


def decode_areas(body: memoryview) -> tuple[AddressArea, ...]:
    """Decode areas; raises WireError for bytes that are none."""
    if len(body) % AREA.size:
        raise WireError(f"{len(body)} bytes are no array of areas", hint=VERSIONS)
    try:
        return tuple(
            AddressArea(AreaKind(kind), cpu, first, last + 1)
            for kind, cpu, first, last in AREA.iter_unpack(body)
        )
    except ValueError as error:
        raise WireError(f"an area of no kind: {error}", hint=VERSIONS) from error
