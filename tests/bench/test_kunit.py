"""The ground of kunit.py and check: the same edit for both, the source of the cache as it was."""

import subprocess

from harness.bench.kunit import EDITED, KunitTree
from harness.bench.peer import CHECK_EDIT, KUNIT_EDIT
from harness.check.risks import EXTRA_MOST, Profile, places_of
from harness.patch.patch import Patch

TEXT = "int one;\n\nint two;\n"


def test_both_are_given_an_edit_that_none_had_before(tmp_path):
    origin, folder = tmp_path / "origin", tmp_path / "ground"
    for tree in (origin, folder / "source"):
        (tree / EDITED).parent.mkdir(parents=True)
    (origin / EDITED).write_text(TEXT)
    (folder / "source" / EDITED).hardlink_to(origin / EDITED)
    kunit, check, _ = KunitTree("6.1-pae", folder, TEXT).peers()
    assert (kunit.name, check.name) == (KUNIT_EDIT, CHECK_EDIT)
    seen = set()
    for _ in range(2):
        kunit.before()
        check.before()
        seen.add((folder / "source" / EDITED).read_text())
        copy = tmp_path / "copy"
        (copy / EDITED).parent.mkdir(parents=True, exist_ok=True)
        (copy / EDITED).write_text(TEXT)
        subprocess.run(["git", "apply", str(folder / "edit.patch")], cwd=copy, check=True)
        seen.add((copy / EDITED).read_text())
    assert len(seen) == 4
    assert all(text.startswith(TEXT) for text in seen)
    assert (origin / EDITED).read_text() == TEXT


def test_the_default_is_measured_with_as_many_cells_as_it_takes_on(tmp_path):
    *_, check = KunitTree("6.1-pae", tmp_path, TEXT).peers()
    check.before()
    patch = Patch("edit", (tmp_path / "edit.patch").read_bytes())
    assert len(places_of([patch], Profile.TOUCHED)) == EXTRA_MOST
