"""kunit.py beside ``check``: both get the same edit of one file, and are timed until they report.

The tree is a copy of the catalogue's source in the cache, made of hard links: files are replaced,
and never written into.  It is configured for the tests of lists only, and its objects stay in
place from one measurement to the next.
"""

import difflib
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.architecture.i386 import I386
from harness.base.cache import Cache
from harness.base.progress import Progress
from harness.base.project import own_command
from harness.bench.peer import CHECK_EDIT, DEFAULT_EDIT, KUNIT, KUNIT_EDIT, Peer
from harness.kernel.build_recipe import BuildRecipe
from harness.kernel.built import link_source
from harness.kernel.sourcetree import source_tree

EDITED = "mm/highmem.c"
_BUILD = ".kunit"
_CONFIG = "list.kunitconfig"
_RISKS = "/* spin_lock, pkmap_count */\n"
"""Words for which a check also judges with lockdep, and every order of steps on several CPUs."""
_ASKED = "CONFIG_KUNIT=y\nCONFIG_LIST_KUNIT_TEST=y\n"


def kunit_command(folder: Path) -> tuple[str, ...]:
    """Configure, build what has changed, boot, run the tests of lists: with our compiler."""
    return (
        sys.executable,
        KUNIT,
        "run",
        f"--arch={I386.compiler.make_architecture}",
        f"--cross_compile={I386.compiler.prefix}",
        f"--build_dir={_BUILD}",
        f"--kunitconfig={folder / _CONFIG}",
    )


@dataclass(frozen=True, slots=True)
class KunitTree:
    """Where both are measured: the kernel for ``check``, the tree of kunit.py, the file before the
    edit.
    """

    kernel: str
    folder: Path
    original: str

    @property
    def source(self) -> Path:
        """kunit.py's tree."""
        return self.folder / "source"

    @property
    def _out(self) -> Path:
        """The folder in which check leaves its logs."""
        return self.folder / "check"

    def peers(self) -> tuple[Peer, Peer, Peer]:
        """Both, each with the edit before it, which no figure includes.

        The third is a check by default of an edit with as many risks as a check takes on.
        """
        return (
            Peer(
                KUNIT_EDIT,
                kunit_command(self.folder),
                folder=self.source,
                before=self._edit_source,
            ),
            self._check(CHECK_EDIT, "", "--quick"),
            self._check(DEFAULT_EDIT, _RISKS),
        )

    def _edit_source(self) -> None:
        replace(self.source / EDITED, _edited(self.original))

    def _check(self, name: str, comment: str, *words: str) -> Peer:
        patch = self.folder / "edit.patch"
        command = ("check", *words, "--kernel", self.kernel, "--patch", str(patch))
        return Peer(
            name,
            (*own_command(), *command),
            folder=self._out,
            before=lambda: self._write_patch(patch, comment),
        )

    def _write_patch(self, patch: Path, comment: str) -> None:
        shutil.rmtree(self._out, ignore_errors=True)
        self._out.mkdir()
        edited = _edited(self.original) + comment
        old, new = (text.splitlines(keepends=True) for text in (self.original, edited))
        patch.write_text("".join(difflib.unified_diff(old, new, f"a/{EDITED}", f"b/{EDITED}")))


def _edited(text: str) -> str:
    """*text* with a variable that no earlier edit had: the object changes, the behaviour does
    not.
    """
    number = time.time_ns() // 1000 % 2**32
    return f"{text}\nstatic const unsigned long bench_edit __used = {number}UL;\n"


@contextmanager
def kunit_tree(recipe: BuildRecipe, progress: Progress) -> Iterator[KunitTree]:
    """The trees for a kernel of the catalogue, which no other process uses meanwhile."""
    cache = Cache.default()
    tree = source_tree(recipe.package, recipe.codenames, cache, progress)
    folder = cache.folder("scratch", f"kunit-{tree.digest[:16]}")
    with cache.locked(folder.name):
        if not (folder / "source").is_dir():
            progress.step(f"linking {tree.package} for kunit.py")
            with cache.new_folder(folder / "source") as fresh:
                fresh.rmdir()
                link_source(tree.path, fresh)
        (folder / _CONFIG).write_text(_ASKED)
        yield KunitTree(recipe.name, folder, (tree.path / EDITED).read_text())


def replace(path: Path, text: str) -> None:
    """A new file in the place of *path*: the old one may be linked elsewhere."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)
