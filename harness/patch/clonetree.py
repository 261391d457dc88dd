"""The scratch of a kernel of the catalogue: a clone of its built tree.

It lets a user check a patch without a kernel tree.
"""

import json
import shutil
from pathlib import Path

from harness.errors import UsageError
from harness.kernel.built import OBJECTS, built_tree, clone
from harness.kernel.kernel_record import Kernel
from harness.patch.patch_base import PatchBase


class CloneTree:
    """See :class:`harness.patch.scratch.ScratchTree`; the kernel's hash names the content."""

    def __init__(self, kernel: Kernel, folder: Path) -> None:
        self._kernel = kernel
        self._origin = built_tree(kernel)
        self.source = folder / self._origin.source.parent.name
        self._changed = folder / "changed.json"
        if not (self.source / OBJECTS / "vmlinux").is_file():
            shutil.rmtree(self.source, ignore_errors=True)
            clone(self._origin, self.source)

    def find(self, revision: str) -> PatchBase:
        """The source as its package has it.  Raises UsageError for a revision."""
        if revision:
            raise UsageError(
                f"{self._kernel.name} is not a git repository: it has no {revision!r}",
                hint="omit --base",
            )
        return PatchBase(self._kernel.content_hash, f"{self._kernel.name} ({self._kernel.source})")

    def settle(self, content: str) -> None:
        """Restore the files that patches changed, with a new time, so that make sees them."""
        del content
        for name in self._names():
            (self.source / name).unlink(missing_ok=True)
            if (self._origin.source / name).is_file():
                shutil.copyfile(self._origin.source / name, self.source / name)
                shutil.copymode(self._origin.source / name, self.source / name)
        self._changed.unlink(missing_ok=True)

    def touch(self, files: tuple[str, ...]) -> None:
        """Remember *files*.

        Git replaces a file that it changes, so the hard-linked file of the origin stays.
        """
        self._changed.write_text(json.dumps(sorted({*self._names(), *files})), encoding="utf-8")

    def _names(self) -> list[str]:
        try:
            return list(json.loads(self._changed.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return []
