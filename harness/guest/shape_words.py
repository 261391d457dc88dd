"""Machine shapes as words on the command line: ``smp=2,memory=512,pti,kaslr,wire=serial``."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from harness.errors import UsageError
from harness.guest.shape import CPU_PTI, Accelerator, Shape, Wire

_WORDS = (
    "smp=N, memory=MIB, highmem=MIB|auto, vmalloc=MIB, cpu=MODEL, pti, kaslr, parallel, icount, idle=poll, "
    "preempt=full|voluntary|none, variant=N, wire=virtio|serial, accel=tcg|kvm"
)

KASLR_MEMORY = 1536
"""MiB at least with KASLR: lowmem as large as it gets, and some highmem above it."""


def parse_shape(text: str, base: Shape | None = None) -> Shape:
    """The shape that *text* describes, with the rest from *base*.  Raises UsageError naming the bad word."""
    shape = base or Shape()
    for word in filter(None, (part.strip() for part in text.split(","))):
        shape = _apply(shape, word)
    return shape


def _apply(shape: Shape, word: str) -> Shape:
    key, _, value = word.partition("=")
    try:
        return _WITH[key](shape, value)
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"{word!r} does not describe a machine", hint=f"words are: {_WORDS}"
        ) from error


def with_memory(shape: Shape, memory_mib: int) -> Shape:
    """*shape* with other memory: half of a small one is highmem, a large one is split by the kernel."""
    highmem = memory_mib // 2 if memory_mib <= 1024 else None
    return replace(shape, memory=memory_mib, highmem=highmem)


def _some(value: str) -> str:
    """The value of a word that must have one."""
    if not value:
        raise ValueError("no value")
    return value


def _poll(value: str) -> str:
    """The one way of waiting for work that can be asked for: a CPU that never halts is never late."""
    if value != "poll":
        raise ValueError("not poll")
    return value


def _bare(value: str) -> bool:
    """True for a word that stands alone."""
    if value:
        raise ValueError("a value where none belongs")
    return True


_WITH: Mapping[str, Callable[[Shape, str], Shape]] = {
    "smp": lambda shape, value: replace(shape, smp=int(value)),
    "memory": lambda shape, value: with_memory(shape, int(value)),
    "highmem": lambda shape, value: replace(
        shape, highmem=None if value == "auto" else int(value)
    ),
    "vmalloc": lambda shape, value: replace(shape, extra=(*shape.extra, f"vmalloc={int(value)}M")),
    "preempt": lambda shape, value: replace(
        shape, extra=(*shape.extra, f"preempt={_some(value)}")
    ),
    "cpu": lambda shape, value: replace(shape, cpu=_some(value)),
    "pti": lambda shape, value: replace(shape, pti=_bare(value), cpu=CPU_PTI),
    "kaslr": lambda shape, value: replace(
        shape, kaslr=_bare(value), memory=max(shape.memory, KASLR_MEMORY), highmem=None
    ),
    "icount": lambda shape, value: replace(shape, icount=_bare(value), smp=1),
    "variant": lambda shape, value: replace(shape, variant=int(value)),
    "parallel": lambda shape, value: replace(shape, parallel=_bare(value)),
    "idle": lambda shape, value: replace(shape, extra=(*shape.extra, f"idle={_poll(value)}")),
    "wire": lambda shape, value: replace(shape, wire=Wire(value)),
    "accel": lambda shape, value: replace(shape, accelerator=Accelerator(value)),
}
