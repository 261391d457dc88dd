"""The source and the objects that all mutants of one kernel share: each costs a relink, not a build."""

from dataclasses import dataclass, replace

from harness.kernel.built import Tree, built_tree, clone, obtain_built
from harness.kernel.cache import Cache
from harness.kernel.host import run
from harness.kernel.programs import find
from harness.kernel.progress import Progress
from harness.kernel.recipe import Recipe
from harness.kernel.tree import build
from harness.kernel.user import user_kernel
from harness.run.prepare import Prepared, prepare


@dataclass(frozen=True, slots=True)
class Field:
    """A tree of our own to change, and what was made from it unchanged."""

    tree: Tree
    base: Prepared

    def rebuilt(self, progress: Progress) -> Prepared:
        """The kernel of the source as it is now, with the module of the unchanged one.

        A mutant changes no header, so that the module would be the same.  Raises BuildFailedError.
        """
        built = build(self.tree.source, self.tree.objects, progress=progress, targets=("vmlinux",))
        return replace(self.base, kernel=user_kernel(built.vmlinux, self.tree.objects))


def open_field(recipe: Recipe, cache: Cache, progress: Progress) -> Field:
    """The field of the kernel that *recipe* describes, built where it was not built before.

    Call it with the lock of the product ``mutants-<name>`` held: one score at a time uses a field.
    What an earlier score left unfinished in it is cleared away with it.
    """
    kernel = obtain_built(recipe, cache, progress)
    home = cache.folder("mutants") / kernel.content_hash[:16]
    if not home.is_dir():
        progress.step(f"copying the tree of {recipe.name}")
        fresh = home.with_name(f"{home.name}.new")
        run([find("rm"), "-rf", fresh])
        clone(built_tree(kernel), fresh)
        fresh.rename(home)
    return Field(Tree(home), prepare(recipe.name, None, progress))
