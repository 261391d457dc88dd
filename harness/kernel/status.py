"""What of the stock kernels is in the cache."""

from collections import Counter
from dataclasses import dataclass

from harness.kernel.build import BUILT_FOR
from harness.kernel.cache import Cache
from harness.kernel.catalogue import known
from harness.kernel.record import Kernel
from harness.kernel.stock import cached


@dataclass(frozen=True, slots=True)
class KernelStatus:
    """One known kernel and what there is of it."""

    name: str
    kernel: Kernel | None
    """As it is in the cache, or None."""
    built: int
    """Number of modules in the cache that were built for it."""


def statuses(cache: Cache | None = None) -> tuple[KernelStatus, ...]:
    """The status of every known kernel, without touching apt or the network."""
    cache = cache or Cache.default()
    built = Counter(path.read_text() for path in cache.root.glob(f"modules/*/{BUILT_FOR}"))
    found = ((stock.name, cached(stock, cache)) for stock in known())
    return tuple(
        KernelStatus(name, kernel, built[kernel.content_hash] if kernel else 0) for name, kernel in found
    )
