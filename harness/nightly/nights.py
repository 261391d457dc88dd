"""What a night can be made of: kernels, machine shapes, seeds, and what is run beside the usual."""

from dataclasses import dataclass

from harness.base import project
from harness.kernel.catalogue import known

_CONTEXT_KERNELS = (
    "debian-6.1-686-pae",
    "debian-6.1-686",
    "debian-6.1-rt-686-pae",
    "debian-5.10-686-pae",
)
_SWEEPS = str(project.SCENARIOS / "sweeps")


@dataclass(frozen=True, slots=True)
class Night:
    """One set of runs: every kernel on every shape, from every seed.

    ``first`` are further arguments of the runs from the first seed, which the other seeds do not repeat.
    """

    kernels: tuple[str, ...]
    shapes: tuple[str, ...]
    seeds: int = 1
    first: tuple[str, ...] = ()


USUAL = Night(
    tuple(stock.name for stock in known()),
    ("smp=1", "smp=2", "smp=4", "smp=2,pti", "smp=2,kaslr", "smp=2,wire=serial"),
)
CONTEXTS = Night(
    _CONTEXT_KERNELS,
    ("smp=1", "smp=2", "smp=4", "smp=8"),
    seeds=10,
    first=("--throwaway", "--scenario", str(project.SCENARIOS), "--scenario", _SWEEPS),
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
