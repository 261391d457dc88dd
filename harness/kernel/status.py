"""The kernels that are known by name, and those of them that the cache has."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from harness.base.cache import Cache
from harness.kernel.build import BUILT_FOR
from harness.kernel.build_recipe import recipes
from harness.kernel.built import cached_built
from harness.kernel.catalogue import known
from harness.kernel.kernel_record import Kernel
from harness.kernel.stock import cached, passed_over


@dataclass(frozen=True, slots=True)
class KernelStatus:
    """One known kernel and what there is of it."""

    name: str
    from_source: bool
    """True if it is built from source; else Debian has built it."""
    kernel: Kernel | None
    """As it is in the cache, or None."""
    built: int
    """Number of modules in the cache that were built for it."""
    passed_over: tuple[str, ...] = ()
    """Of a stock kernel: why newer packages were not taken."""


def statuses(cache: Cache | None = None) -> tuple[KernelStatus, ...]:
    """The status of every known kernel, without touching apt or the network."""
    cache = cache or Cache.default()
    built = Counter(
        path.read_text(errors="replace") for path in cache.root.glob(f"modules/*/{BUILT_FOR}")
    )
    older = {stock.name: passed_over(stock, cache) for stock in known()}
    return tuple(
        KernelStatus(
            name,
            from_source,
            kernel,
            built[kernel.content_hash] if kernel else 0,
            older.get(name, ()) if kernel else (),
        )
        for name, from_source, kernel in _kernels(cache)
    )


def _kernels(cache: Cache) -> Iterator[tuple[str, bool, Kernel | None]]:
    yield from ((stock.name, False, cached(stock, cache)) for stock in known())
    yield from ((recipe.name, True, cached_built(recipe, cache)) for recipe in recipes().values())
