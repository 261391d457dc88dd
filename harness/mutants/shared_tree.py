"""The source and the objects that all mutants of one kernel share.

A mutant costs the compilation of a file and a link, not a build.
"""

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
    """A copy of the kernel's tree, and the kernel, module and agent of the unchanged source."""

    tree: KernelTree
    base: Prepared

    def rebuilt(self, progress: Progress) -> Prepared:
        """Build the kernel of the source as it is now; the module stays that of ``base``.

        A mutant changes no header, so its module would be the same.  Raises BuildFailedError.
        """
        built = build(self.tree.source, self.tree.objects, progress=progress, targets=("vmlinux",))
        return replace(self.base, kernel=user_kernel(built.vmlinux, self.tree.objects))


def open_shared_tree(recipe: BuildRecipe, cache: Cache, progress: Progress) -> SharedTree:
    """The tree of the kernel that *recipe* describes, which is built if it was not before.

    The caller holds the lock ``mutants-<name>``, so that one run at a time uses the tree.  Files
    that a killed run has left changed get their original content back.
    """
    kernel = obtain_built(recipe, cache, progress)
    home = cache.folder("mutants") / kernel.content_hash[:16]
    if not home.is_dir():
        progress.step(f"copying the tree of {recipe.name}")
        fresh = home.with_name(f"{home.name}.new")
        run([find_program("rm"), "-rf", fresh])
        clone(built_tree(kernel), fresh)
        fresh.rename(home)
    cache.use(home)
    shared = SharedTree(KernelTree(home), prepare(recipe.name, None, progress))
    _mend(shared.tree.source, built_tree(kernel).source)
    return shared


def _mend(source: Path, original: Path) -> None:
    """Give the files that mutants change the contents they have in *original*."""
    for name in {
        name for mutant in read_catalogue(project.MUTANTS).mutants for name in mutant.files
    }:
        if (original / name).is_file():
            content = (original / name).read_bytes()
            if (source / name).read_bytes() != content:
                replace_file(source / name, content)
