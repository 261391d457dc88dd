"""The source and the objects that all mutants of one kernel share: each costs a relink, not a build."""

from dataclasses import dataclass, replace
from pathlib import Path

from harness.base import project
from harness.base.cache import Cache
from harness.base.host import run
from harness.base.host_programs import find_program
from harness.base.progress import Progress
from harness.kernel.build_recipe import BuildRecipe
from harness.kernel.built import KernelTree, built_tree, clone, obtain_built
from harness.kernel.tree import build
from harness.kernel.user import user_kernel
from harness.mutants.mutant_catalogue import read_catalogue
from harness.mutants.source_edit import replace_file
from harness.run.prepare import Prepared, prepare


@dataclass(frozen=True, slots=True)
class SharedTree:
    """A tree of our own to change, and what was made from it unchanged."""

    tree: KernelTree
    base: Prepared

    def rebuilt(self, progress: Progress) -> Prepared:
        """The kernel of the source as it is now, with the module of the unchanged one.

        A mutant changes no header, so that the module would be the same.  Raises BuildFailedError.
        """
        built = build(self.tree.source, self.tree.objects, progress=progress, targets=("vmlinux",))
        return replace(self.base, kernel=user_kernel(built.vmlinux, self.tree.objects))


def open_shared_tree(recipe: BuildRecipe, cache: Cache, progress: Progress) -> SharedTree:
    """The field of the kernel that *recipe* describes, built where it was not built before.

    Call it with the lock of the product ``mutants-<name>`` held: one score at a time uses a field.
    A file that a score has left changed, because it was killed, is as it was.
    """
    kernel = obtain_built(recipe, cache, progress)
    home = cache.folder("mutants") / kernel.content_hash[:16]
    if not home.is_dir():
        progress.step(f"copying the tree of {recipe.name}")
        fresh = home.with_name(f"{home.name}.new")
        run([find_program("rm"), "-rf", fresh])
        clone(built_tree(kernel), fresh)
        fresh.rename(home)
    field = SharedTree(KernelTree(home), prepare(recipe.name, None, progress))
    _mend(field.tree.source, built_tree(kernel).source)
    return field


def _mend(source: Path, original: Path) -> None:
    """Give the files that mutants change the contents they have in *original*."""
    for name in {
        name for mutant in read_catalogue(project.MUTANTS).mutants for name in mutant.files
    }:
        if (original / name).is_file():
            content = (original / name).read_bytes()
            if (source / name).read_bytes() != content:
                replace_file(source / name, content)
