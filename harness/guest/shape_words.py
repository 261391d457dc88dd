"""Machine shapes as text: words of users (``smp=2,memory=512,pti``), and shapes in words."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from harness.errors import UsageError
from harness.guest.shape import Accelerator, Shape, Wire, isolating

KASLR_MEMORY = 1536
"""The least memory with KASLR, MiB: lowmem as large as it gets, and some highmem above it."""


def parse_shape(text: str, base: Shape | None = None) -> Shape:
    """The shape that *text* describes; what it does not name comes from *base*.

    Raises UsageError, which names the word that describes nothing.
    """
    shape = base or Shape()
    for word in filter(None, (part.strip() for part in text.split(","))):
        shape = _apply(shape, word)
    return shape


def _apply(shape: Shape, word: str) -> Shape:
    key, _, value = word.partition("=")
    try:
        return _WORDS[key].apply(shape, value)
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"{word!r} does not describe a machine", hint=f"words are: {SHAPE_WORDS}"
        ) from error


def with_memory(shape: Shape, memory_mib: int) -> Shape:
    """*shape* with other memory.

    Half of a memory up to 1 GiB is highmem; the kernel itself splits a larger one.
    """
    highmem = memory_mib // 2 if memory_mib <= 1024 else None
    return replace(shape, memory=memory_mib, highmem=highmem, memory_chosen=True)


def _with_highmem(shape: Shape, value: str) -> Shape:
    return replace(shape, highmem=None if value == "auto" else int(value), memory_chosen=True)


def _with_below(shape: Shape, value: str) -> Shape:
    return replace(shape, below=int(value), highmem=None, memory_chosen=True)


def _with_reserved(shape: Shape, value: str) -> Shape:
    size, start = (int(part) for part in value.split("@"))
    return _with_kernel_argument(shape, f"memmap={size}M${start}M")


def _some(value: str) -> str:
    """The value of a word that needs one."""
    if not value:
        raise ValueError("no value")
    return value


def _poll(value: str) -> str:
    """The value of ``idle``: polling, the only way of idling in which a CPU never wakes late."""
    if value != "poll":
        raise ValueError("not poll")
    return value


def _bare(value: str) -> bool:
    """True for a word that stands alone."""
    if value:
        raise ValueError("a value where none belongs")
    return True


class _Word(NamedTuple):
    """How a word is written, and the shape that it makes of another."""

    syntax: str
    apply: Callable[[Shape, str], Shape]


def _with_kernel_argument(shape: Shape, argument: str) -> Shape:
    return replace(shape, extra=(*shape.extra, argument))


_WORDS: Mapping[str, _Word] = {
    "smp": _Word("smp=N", lambda shape, value: replace(shape, smp=int(value))),
    "memory": _Word("memory=MIB", lambda shape, value: with_memory(shape, int(value))),
    "highmem": _Word("highmem=MIB|auto", _with_highmem),
    "below": _Word("below=MIB", _with_below),
    "vmalloc": _Word(
        "vmalloc=MIB",
        lambda shape, value: _with_kernel_argument(shape, f"vmalloc={int(value)}M"),
    ),
    "reserve": _Word("reserve=MIB@MIB", _with_reserved),
    "cpu": _Word("cpu=MODEL", lambda shape, value: replace(shape, cpu=_some(value))),
    "pti": _Word("pti", lambda shape, value: isolating(shape) if _bare(value) else shape),
    "kaslr": _Word(
        "kaslr",
        lambda shape, value: replace(
            shape,
            kaslr=_bare(value),
            memory=max(shape.memory, KASLR_MEMORY),
            highmem=None,
            memory_chosen=True,
        ),
    ),
    "parallel": _Word("parallel", lambda shape, value: replace(shape, parallel=_bare(value))),
    "icount": _Word("icount", lambda shape, value: replace(shape, icount=_bare(value), smp=1)),
    "idle": _Word(
        "idle=poll", lambda shape, value: _with_kernel_argument(shape, f"idle={_poll(value)}")
    ),
    "preempt": _Word(
        "preempt=full|voluntary|none",
        lambda shape, value: _with_kernel_argument(shape, f"preempt={_some(value)}"),
    ),
    "variant": _Word("variant=N", lambda shape, value: replace(shape, variant=int(value))),
    "qemu": _Word("qemu=PROGRAM", lambda shape, value: replace(shape, qemu=_some(value))),
    "wire": _Word("wire=virtio|serial", lambda shape, value: replace(shape, wire=Wire(value))),
    "accel": _Word(
        "accel=tcg|kvm", lambda shape, value: replace(shape, accelerator=Accelerator(value))
    ),
}

SHAPE_WORDS = ", ".join(word.syntax for word in _WORDS.values())
"""Every word, for help texts and error messages."""


def _memory_words(shape: Shape) -> str:
    if shape.below is None:
        return f"{shape.memory} MiB"
    return f"{shape.memory} MiB, {shape.memory - shape.below} of them above 4 GiB"


def describe_shape(shape: Shape) -> str:
    """A machine shape in words."""
    extras = [
        word
        for word, on in (
            ("PTI", shape.pti),
            ("KASLR", shape.kaslr),
            ("parallel", shape.parallel),
            ("instruction clock", shape.icount),
        )
        if on
    ]
    if shape.variant:
        extras.append(f"variant {shape.variant}")
    if shape.qemu:
        extras.append(f"QEMU {shape.qemu}")
    return ", ".join(
        (
            f"{shape.smp} CPU{'s' * (shape.smp > 1)}",
            _memory_words(shape),
            shape.accelerator.value,
            shape.wire.value,
            *extras,
        )
    )
