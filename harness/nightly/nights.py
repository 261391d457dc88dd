"""What a night can be made of: kernels, machine shapes, seeds, and scenarios."""

from dataclasses import dataclass

from harness.kernel.catalogue import known

_CONTEXT_KERNELS = (
    "debian-6.1-686-pae",
    "debian-6.1-686",
    "debian-6.1-rt-686-pae",
    "debian-5.10-686-pae",
)


@dataclass(frozen=True, slots=True)
class Night:
    """One set of runs: every kernel on every shape, from every seed.

    The runs from the first seed also run the scenarios in the folders ``scenarios`` (relative to
    the conformance scenarios, which are run where none is named), and with ``wrecking`` those that
    wreck a kernel; the other seeds would only repeat them.
    """

    kernels: tuple[str, ...]
    shapes: tuple[str, ...]
    seeds: int = 1
    scenarios: tuple[str, ...] = ()
    wrecking: bool = False


USUAL = Night(
    tuple(stock.name for stock in known()),
    ("smp=1", "smp=2", "smp=4", "smp=2,pti", "smp=2,kaslr", "smp=2,wire=serial"),
)
CONTEXTS = Night(
    _CONTEXT_KERNELS,
    ("smp=1", "smp=2", "smp=4", "smp=8"),
    seeds=10,
    scenarios=("", "sweeps"),
    wrecking=True,
)
MACHINES = Night(
    _CONTEXT_KERNELS,
    (
        "smp=8",
        "smp=16",
        "smp=32",
        "smp=2,preempt=full",
        "smp=2,memory=5120",
        "smp=2,memory=5120,pti",
        "smp=2,pti,kaslr",
        "smp=2,memory=1024,highmem=auto",
        "smp=2,memory=1024,highmem=auto,vmalloc=512",
        "smp=2,memory=512,highmem=64",
        "smp=2,memory=600,highmem=auto,vmalloc=640",
    ),
)
"""Many CPUs, preemption anywhere, memory above 4 GiB, PTI, KASLR, other splits of memory."""

NIGHTS = {"usual": USUAL, "contexts": CONTEXTS, "machines": MACHINES}
