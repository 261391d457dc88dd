"""The build folder of a patched kernel, kept where the next check does not change it."""

import pytest

from harness.architecture.i386 import I386
from harness.check import kept_build
from harness.check.kept_build import keep_build

ARCH = I386.source.folder


@pytest.fixture
def tree(tmp_path):
    source = tmp_path / "source"
    texts = {
        "Makefile": "VERSION = 6\n",
        "Kbuild": "",
        "include/linux/highmem.h": "old\n",
        "scripts/Makefile.build": "",
        f"{ARCH}/Makefile": "",
        f"{ARCH}/include/asm/highmem.h": "",
        "mm/highmem.c": "int x;\n",
        "objects/.config": "CONFIG_HIGHMEM=y\n",
        "objects/Makefile": f"include {source}/Makefile\n",
        "objects/Module.symvers": "",
        "objects/include/generated/utsrelease.h": '#define UTS_RELEASE "6.1"\n',
        f"objects/{ARCH}/include/generated/asm/x.h": "",
        "objects/mm/highmem.o": "",
    }
    for name, text in texts.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    return source


def test_what_a_module_needs_stays_and_objects_do_not(tree, tmp_path):
    kept = keep_build(tree, tree / "objects", tmp_path / "build")
    assert kept == tmp_path / "build" / "objects"
    assert (kept / "Makefile").read_text() == f"include {tmp_path}/build/Makefile\n"
    assert (kept / "source" / "include/linux/highmem.h").read_text() == "old\n"
    assert (kept / ARCH / "include/generated/asm/x.h").is_file()
    assert not (kept / "mm").exists()
    assert not (tmp_path / "build/mm").exists()


def test_the_next_check_changes_nothing_of_it(tree, tmp_path):
    """Git unlinks what it changes, and make writes into the object folder."""
    kept = keep_build(tree, tree / "objects", tmp_path / "build")
    (tree / "include/linux/highmem.h").unlink()
    (tree / "include/linux/highmem.h").write_text("new\n")
    (tree / "objects/.config").write_text("")
    assert (tmp_path / "build/include/linux/highmem.h").read_text() == "old\n"
    assert (kept / ".config").read_text() == "CONFIG_HIGHMEM=y\n"


def test_a_second_check_replaces_it_also_on_another_file_system(tree, tmp_path, monkeypatch):
    def refuse(*names):
        raise OSError(18, "Invalid cross-device link")

    keep_build(tree, tree / "objects", tmp_path / "build")
    monkeypatch.setattr(kept_build.os, "link", refuse)
    (tree / "include/linux/highmem.h").write_text("new\n")
    keep_build(tree, tree / "objects", tmp_path / "build")
    assert (tmp_path / "build/include/linux/highmem.h").read_text() == "new\n"
