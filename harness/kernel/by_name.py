"""Kernels by name: stock ones from Debian's packages, those of the catalogue from source."""

from harness.base.cache import Cache
from harness.base.progress import Progress
from harness.kernel import catalogue
from harness.kernel.build_recipe import recipes
from harness.kernel.built import obtain_built
from harness.kernel.catalogue import UnknownKernelError
from harness.kernel.kernel_record import Kernel
from harness.kernel.stock import obtain
from harness.kernel.tree import Say


def kernel_names() -> tuple[str, ...]:
    """Every name that a kernel can be asked for by, in the order in which they are listed."""
    return (*(stock.name for stock in catalogue.known()), *recipes())


def kernel_by_name(
    name: str,
    cache: Cache | None = None,
    progress: Progress | None = None,
    *,
    say: Say | None = None,
    refresh: bool = False,
) -> Kernel:
    """Return the kernel of that name, fetched or built if it is not in the cache.

    ``say`` gets the exact commands of a build. Raises :class:`UnknownKernelError`, which suggests
    near names, and what :func:`obtain` and :func:`obtain_built` raise.
    """
    if recipe := recipes().get(name):
        return obtain_built(recipe, cache, progress, say=say, refresh=refresh)
    if name not in kernel_names():
        raise UnknownKernelError(name, kernel_names())
    return obtain(name, cache, progress, refresh=refresh)
