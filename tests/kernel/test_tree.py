"""Configuring and building, with a small Makefile in the place of the kernel's."""

import os
import shutil
from pathlib import Path

import pytest

from harness.base.progress import Quiet
from harness.errors import UsageError
from harness.kernel import built, tree
from harness.kernel.build_recipe import BuildRecipe
from harness.kernel.fragment import ConfigMismatchError
from harness.kernel.sourcetree import SourceTree
from harness.kernel.toolchain import Toolchain

MAKEFILE = """\
allnoconfig:
	grep -v CONFIG_LOST $(KCONFIG_ALLCONFIG) > $(O)/.config
	echo x >> $(O)/configured
olddefconfig:
	sort -u -o $(O)/.config $(O)/.config
vmlinux:
	@mkdir -p $(O)/include/generated
	@echo '#define UTS_RELEASE "6.1.9"' > $(O)/include/generated/utsrelease.h
	@echo '  CC      mm/highmem.o'
	@cat $(CURDIR)/says; exit $$(cat $(CURDIR)/status)
modules:
	@echo '  MODPOST Module.symvers'; touch $(O)/vmlinux
"""
PLAIN = Toolchain("")


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "arch/x86").mkdir(parents=True)
    for name, text in {
        "Makefile": MAKEFILE,
        "Kbuild": "",
        "arch/x86/Kconfig": "",
        "says": "",
        "status": "0",
    }.items():
        (folder / name).write_text(text)
    return folder


def made(source: Path, **more: str) -> tree.BuiltTree:
    tree.configure(source, source.parent / "objects", {"CONFIG_A": "y"}, toolchain=PLAIN)
    return tree.build(source, source.parent / "objects", toolchain=PLAIN, **more)


def test_a_kernel_is_configured_once_and_built(source):
    said: list[str] = []
    found = made(source, say=said.append)
    assert (found.release, found.compiled, found.bzimage) == ("6.1.9", 2, None)
    assert said == [found.command]
    assert f"O={source.parent}/objects" in found.command
    assert found.command.endswith("-j2 vmlinux modules")
    made(source)
    assert (source.parent / "objects/configured").read_text() == "x\n"


def test_another_question_or_a_newer_kconfig_file_configures_again(source):
    objects = source.parent / "objects"
    made(source)
    tree.configure(source, objects, {"CONFIG_B": "y"}, toolchain=PLAIN)
    assert (objects / "configured").read_text() == "x\nx\n"
    (objects / "source").symlink_to(source)
    (objects / "include/config").mkdir()
    (objects / "include/config/auto.conf.cmd").write_text(
        "deps_config := \\\n\tarch/x86/Kconfig \\\n"
    )
    os.utime(source / "arch/x86/Kconfig", (0, 0))
    tree.configure(source, objects, {"CONFIG_B": "y"}, toolchain=PLAIN)
    assert (objects / "configured").read_text() == "x\nx\n"
    os.utime(source / "arch/x86/Kconfig", (2**33, 2**33))
    tree.configure(source, objects, {"CONFIG_B": "y"}, toolchain=PLAIN)
    assert (objects / "configured").read_text() == "x\nx\nx\n"


def test_a_configuration_is_taken_as_the_base(source, tmp_path):
    (tmp_path / "mine").write_text("CONFIG_M=y\n")
    got = tree.configure(
        source, tmp_path / "o", {"CONFIG_A": "y"}, base=tmp_path / "mine", toolchain=PLAIN
    )
    assert got.settings == {"CONFIG_M": "y", "CONFIG_A": "y"}


def test_a_setting_that_kconfig_did_not_take_is_said(source, tmp_path):
    for _ in range(2):
        with pytest.raises(ConfigMismatchError, match="CONFIG_LOST: asked for y, got n"):
            tree.configure(
                source, tmp_path / "o", {"CONFIG_A": "y", "CONFIG_LOST": "y"}, toolchain=PLAIN
            )


@pytest.mark.parametrize(
    ("says", "first"),
    [
        (
            "  CC      mm/memory.o\n"
            "SOURCE/mm/highmem.c: In function 'kmap_high':\n"
            "SOURCE/mm/highmem.c:12:9: error: 'x' undeclared\n"
            "SOURCE/mm/highmem.c:30:1: error: another\n"
            "make[1]: *** [mm/highmem.o] Error 1\n",
            "mm/highmem.c:12:9: error: 'x' undeclared",
        ),
        (
            "../mm/highmem.c:3:10: fatal error: no.h: No such file\n",
            "mm/highmem.c:3:10: fatal error: no.h: No",
        ),
        (
            "i686-linux-gnu-ld: mm/highmem.o: in function `kmap_high':\n"
            "highmem.c:(.text+0x1f): undefined reference to `nowhere'\n",
            "highmem.c:(.text+0x1f): undefined reference to `nowhere'",
        ),
        (
            "SOURCE/arch/x86/entry.S:9: Error: no such instruction\n",
            "arch/x86/entry.S:9: Error: no such",
        ),
        ("*** Configuration file is damaged\nmake: *** giving up\n", "make: *** giving up"),
    ],
)
def test_a_failed_build_ends_with_the_first_error_and_names_its_log(source, says, first):
    (source / "says").write_text(says.replace("SOURCE", str(source)))
    (source / "status").write_text("2")
    with pytest.raises(tree.BuildFailedError) as caught:
        made(source)
    assert first in caught.value.message
    assert "another" not in caught.value.message
    assert (
        caught.value.log.read_text().startswith("make: Entering")
        or says[:9] in caught.value.log.read_text()
    )
    assert "vmlinux modules" in caught.value.command
    assert str(caught.value.log) in str(caught.value)


def test_a_folder_in_which_make_would_refuse_is_refused_first(source, tmp_path):
    with pytest.raises(tree.NotASourceError, match="is no kernel source"):
        tree.configure(tmp_path, tmp_path / "o", {}, toolchain=PLAIN)
    (source / ".config").touch()
    with pytest.raises(tree.NotASourceError, match="somebody has built in"):
        tree.configure(source, tmp_path / "o", {}, toolchain=PLAIN)
    with pytest.raises(UsageError, match="spaces or colons"):
        tree.configure(tmp_path / "a b", tmp_path / "o", {}, toolchain=PLAIN)


def test_equal_inputs_have_one_place_and_each_input_counts(tmp_path, cache, monkeypatch):
    fragment = tmp_path / "a.config"
    fragment.write_text("CONFIG_A=y\n")
    recipe = BuildRecipe("9.9", "9.9", "linux-source-9.9", ("sid",), (fragment,))
    source = SourceTree(tmp_path, "linux-source-9.9 9.9.1-1", "digest")
    place = built._home(recipe, source, cache)
    fragment.write_text("# another comment\nCONFIG_A=y\n")
    assert built._home(recipe, source, cache) == place
    other = SourceTree(tmp_path, "linux-source-9.9 9.9.2-1", "other")
    monkeypatch.setattr(built, "compiler_version", lambda _: "gcc 99")
    elsewhere = built._home(recipe, source, cache)
    monkeypatch.undo()
    fragment.write_text("CONFIG_A=n\n")
    places = {
        place,
        elsewhere,
        built._home(recipe, other, cache),
        built._home(recipe, source, cache),
    }
    assert len(places) == 4


def test_a_clone_is_the_tree_with_its_times_and_leaves_the_origin_alone(source, tmp_path):
    objects = source / built.OBJECTS
    objects.mkdir()
    (objects / "highmem.o").write_text("object")
    os.utime(objects / "highmem.o", (1, 1))
    copy = built.clone(built.KernelTree(source), tmp_path / "deep/copy")
    assert (copy.objects / "highmem.o").stat().st_mtime == 1
    assert (copy.source / "Makefile").stat().st_ino == (source / "Makefile").stat().st_ino
    (copy.objects / "highmem.o").write_text("patched")
    shutil.rmtree(copy.source)
    assert (objects / "highmem.o").read_text() == "object"


def test_a_source_of_the_cache_is_used_without_apt(cache, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    home = cache.folder("sources", "linux-source-9.9_9.9.10-1")
    older = cache.folder("sources", "linux-source-9.9_9.9.9-1")
    for folder, version in ((home, "9.9.10-1"), (older, "9.9.9-1")):
        (folder / "origin.json").write_text(
            f'{{"package": "linux-source-9.9 {version}", "digest": "d"}}'
        )
    found = built.source_tree("linux-source-9.9", ("sid",), cache, Quiet())
    assert found.path == home / "tree"
