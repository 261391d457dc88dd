"""The source and the object folder that all mutants of one kernel share: each costs a relink, not a build."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.kernel.cache import Cache
from harness.kernel.host import run
from harness.kernel.programs import find
from harness.kernel.progress import Progress
from harness.kernel.tree import build, configure
from harness.kernel.user import user_kernel
from harness.run.prepare import Prepared, prepare


@dataclass(frozen=True, slots=True)
class Field:
    """A source of our own to change, the folder of its objects, and what was made from it unchanged."""

    source: Path
    objects: Path
    base: Prepared

    def rebuilt(self, progress: Progress) -> Prepared:
        """The kernel of the source as it is now, with the module of the unchanged one.

        A mutant changes no header, so that the module would be the same.  Raises BuildFailedError.
        """
        built = build(self.source, self.objects, progress=progress, targets=("vmlinux",))
        return replace(self.base, kernel=user_kernel(built.vmlinux, self.objects))


def open_field(name: str, source: Path, asked: Mapping[str, str], cache: Cache, progress: Progress) -> Field:
    """The field of the kernel *name*, with a linked copy of *source*, built where it was not built before.

    Call it with the lock of the product ``mutants-<name>`` held: one score at a time uses a field.
    """
    home = cache.folder("mutants", name)
    copy, objects = home / "source", home / "objects"
    if not (home / "whole").is_file():
        progress.step(f"copying the source of {name}")
        run([find("rm"), "-rf", copy])
        run([find("cp"), "-al", source, copy])
        (home / "whole").touch()
    configure(copy, objects, asked)
    progress.step(f"building {name}")
    built = build(copy, objects, progress=progress)
    return Field(copy, objects, prepare(str(built.vmlinux), objects, progress))
