"""Machine shapes as words on the command line: ``smp=2,memory=512,pti,kaslr,wire=serial``."""

from dataclasses import replace

from harness.errors import UsageError
from harness.guest.shape import CPU_PTI, Accelerator, Shape, Wire

_WORDS = "smp=N, memory=MIB, highmem=MIB|auto, cpu=MODEL, pti, kaslr, wire=virtio|serial, accel=tcg|kvm"


def parse_shape(text: str, base: Shape | None = None) -> Shape:
    """The shape that *text* describes, with the rest from *base*.  Raises UsageError naming the bad word."""
    shape = base or Shape()
    for word in filter(None, (part.strip() for part in text.split(","))):
        shape = _apply(shape, word)
    return shape


def _apply(shape: Shape, word: str) -> Shape:
    key, _, value = word.partition("=")
    try:
        match key:
            case "smp":
                return replace(shape, smp=int(value))
            case "memory":
                return with_memory(shape, int(value))
            case "highmem":
                return replace(shape, highmem=None if value == "auto" else int(value))
            case "cpu":
                return replace(shape, cpu=word.removeprefix("cpu="))
            case "pti" if not value:
                return replace(shape, pti=True, cpu=CPU_PTI)
            case "kaslr" if not value:
                return replace(shape, kaslr=True)
            case "wire":
                return replace(shape, wire=Wire(value))
            case "accel":
                return replace(shape, accelerator=Accelerator(value))
            case _:
                pass
    except ValueError as error:
        raise UsageError(f"{word!r} does not describe a machine: {error}", hint=f"words are: {_WORDS}") from error
    raise UsageError(f"{word!r} does not describe a machine", hint=f"words are: {_WORDS}")


def with_memory(shape: Shape, memory_mib: int) -> Shape:
    """*shape* with other memory: half of a small one is highmem, a large one is split by the kernel."""
    highmem = memory_mib // 2 if memory_mib <= 1024 else None
    return replace(shape, memory=memory_mib, highmem=highmem)
