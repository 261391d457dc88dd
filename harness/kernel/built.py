"""The kernels of the catalogue, built once and kept by source, configuration and compiler.

Layout below the cache's root::

    sources/<package>_<version>/tree    the source as it was packed
    trees/<name>/<key>/source           the same files (hard links)
    trees/<name>/<key>/source/objects   what make made of them
    trees/<name>/<key>/kernel.json      written last: the kernel is complete

The object folder lies inside its source, so that make names every file by a relative path
(Makefile of 5.10 to 7.3: ``srctree := ..``) and a copy of both elsewhere is up to date.
"""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from harness.base.cache import Cache
from harness.base.cache_entries import keep_limit
from harness.base.host import run
from harness.base.host_programs import find_program
from harness.base.progress import Progress, Quiet
from harness.base.seal import is_sealed
from harness.errors import InfrastructureError
from harness.kernel import fragment, record_file, tree
from harness.kernel.build_recipe import BuildRecipe
from harness.kernel.cross_compiler import compiler_version
from harness.kernel.kernel_record import Kernel
from harness.kernel.sourcetree import SourceTree, cached_source, source_tree
from harness.kernel.user import user_kernel

_RECIPE = "1"
"""Changed when a product made from the same inputs would look different."""
OBJECTS = "objects"
"""The object folder inside a tree's source."""
_SOURCE = "source"
_WITH = ", built with "


@dataclass(frozen=True, slots=True)
class KernelTree:
    """A source with the objects made from it."""

    source: Path

    @property
    def objects(self) -> Path:
        """The folder that make gets as ``O=``, and that modules are built against."""
        return self.source / OBJECTS


def obtain_built(
    recipe: BuildRecipe,
    cache: Cache | None = None,
    progress: Progress | None = None,
    *,
    jobs: int = 2,
    say: tree.Say | None = None,
    refresh: bool = False,
) -> Kernel:
    """Return the kernel of a recipe, built if it is not in the cache.

    An interrupted build continues where it was. ``refresh`` asks apt for a newer source. Raises
    :class:`SourceUnobtainableError`, :class:`ConfigMismatchError`, :class:`BuildFailedError`, or a
    cache error.
    """
    cache, progress = cache or Cache.default(), progress or Quiet()
    source = source_tree(recipe.package, recipe.codenames, cache, progress, refresh=refresh)
    home = _home(recipe, source, cache)
    if kernel := record_file.sound_record(cache, home):
        return kernel
    with cache.locked(f"tree-{recipe.name}-{home.name}"):
        if record_file.read_record(home) and not is_sealed(home):
            # A tree of an earlier version: half an hour's work is not thrown away for that.
            record_file.seal_record(home)
        return record_file.sound_record_or_gone(cache, home) or _build(
            _Order(recipe, source, home, cache, progress), jobs, say
        )


def cached_built(recipe: BuildRecipe, cache: Cache) -> Kernel | None:
    """Return the kernel that an earlier :func:`obtain_built` left, or None; nothing is built."""
    source = cached_source(recipe.package, cache)
    return record_file.read_record(_home(recipe, source, cache)) if source else None


def built_tree(kernel: Kernel) -> KernelTree:
    """Return source and objects of a kernel of the catalogue. Shared: build in a :func:`clone`."""
    return KernelTree(kernel.build_dir.parent)


def clone(origin: KernelTree, target: Path) -> KernelTree:
    """Copy source and objects to the new folder ``target``; make finds nothing to do there.

    Source files are hard links: replace them (as ``git apply`` and ``patch`` do), never write into
    them. Objects are copied with their times. Raises :class:`InfrastructureError` when a copy
    fails.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    made = KernelTree(target)
    _copy("-al", origin.source, target, skip=OBJECTS)
    _copy("-a", origin.objects, made.objects)
    return made


def link_source(origin: Path, target: Path) -> None:
    """Copy the source *origin* as hard links to the folder ``target``, which must not exist."""
    _copy("-al", origin, target)


def _home(recipe: BuildRecipe, source: SourceTree, cache: Cache) -> Path:
    asked = fragment.text(recipe.settings())
    inputs = (
        _RECIPE,
        source.digest,
        asked,
        compiler_version(recipe.architecture.compiler),
        *recipe.variables,
    )
    key = hashlib.sha256("\0".join(inputs).encode()).hexdigest()[:16]
    return cache.root / "trees" / recipe.name / key


@dataclass(frozen=True, slots=True)
class _Order:
    """A recipe, its source and where its kernel is to be."""

    recipe: BuildRecipe
    source: SourceTree
    home: Path
    cache: Cache
    progress: Progress


def _build(order: _Order, jobs: int, say: tree.Say | None) -> Kernel:
    recipe, progress = order.recipe, order.progress
    made = KernelTree(order.home / _SOURCE)
    _prepare_source(order, made)
    progress.step(f"configuring {recipe.name}")
    tree.configure(made.source, made.objects, recipe.settings(), say=say)
    progress.step(f"building {recipe.name} ({order.source.package})")
    built = tree.build(
        made.source,
        made.objects,
        progress=progress,
        jobs=jobs,
        variables=recipe.variables,
        say=say,
    )
    record_file.write_record(
        order.home, _described(order, user_kernel(built.vmlinux, made.objects, order.cache))
    )
    record_file.seal_record(order.home)
    order.cache.use(order.home)
    keep_limit(order.cache)
    found = record_file.read_record(order.home)
    assert found is not None, "a kernel was just described"
    return found


def _described(order: _Order, kernel: Kernel) -> Kernel:
    parts = ", ".join(path.stem for path in order.recipe.fragments)
    source = f"{order.source.package}{_WITH}{parts}"
    return dataclasses.replace(kernel, name=order.recipe.name, flavour="built", source=source)


def _prepare_source(order: _Order, made: KernelTree) -> None:
    """Prepare the source: with no objects, or with those of a kernel with some other fragments.

    Kbuild then compiles what a changed setting concerns (Documentation/kbuild/kbuild.rst,
    ``fixdep``).
    """
    cache, source = order.cache, order.source
    cache.folder(*order.home.relative_to(cache.root).parts)
    if (made.source / "Makefile").is_file():
        return
    sibling = _sibling(order)
    order.progress.step(
        f"copying the tree of {sibling.name}" if sibling else f"linking {source.package}"
    )
    with cache.new_folder(made.source) as fresh:
        fresh.rmdir()
        if sibling:
            clone(built_tree(sibling), fresh)
        else:
            link_source(source.path, fresh)


def _sibling(order: _Order) -> Kernel | None:
    """Return the finished kernel of the same source and PTE size with most fragments in common."""
    own = {path.stem for path in order.recipe.fragments}
    found = []
    for path in sorted(order.home.parent.parent.glob("*/*/")):
        kernel = record_file.read_record(path)
        package, _, parts = kernel.source.partition(_WITH) if kernel else ("", "", "")
        if (
            kernel
            and package == order.source.package
            and (("pae" in parts) == ("pae" in " ".join(own)))
        ):
            found.append((len(own ^ set(parts.split(", "))), kernel))
    return min(found, key=lambda one: one[0])[1] if found else None


def _copy(how: str, origin: Path, target: Path, *, skip: str = "") -> None:
    """Copy a folder by cp to one that is not there, its direct member ``skip`` left out."""
    if not skip:
        done = run([find_program("cp"), how, "-T", origin, target])
    else:
        target.mkdir()
        members = [path for path in origin.iterdir() if path.name != skip]
        done = run([find_program("cp"), how, "-t", target, *members])
    if done.returncode:
        raise InfrastructureError(
            f"{origin} could not be copied to {target}: {done.stderr.strip()[:300]}"
        )
