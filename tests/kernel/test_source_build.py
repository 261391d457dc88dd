"""From a source package in an archive to a kernel in the cache, by a small Makefile."""

import pytest

from harness.base.progress import Quiet
from harness.kernel import built
from harness.kernel.build_recipe import BuildRecipe
from harness.kernel.built import built_tree, cached_built, clone, obtain_built
from harness.kernel.sourcetree import SourceUnobtainableError, source_tree
from harness.kernel.toolchain import Toolchain
from harness.kernel.tree import BuildFailedError, build

from .archive import elf_image

NAME = "linux-source-9.9"
MAKEFILE = b"""\
allnoconfig:
	cp $(KCONFIG_ALLCONFIG) $(O)/.config
vmlinux:
	@test -z "$$KMH_TEST_BROKEN" || { echo mm/highmem.c:1:1: error: broken; exit 1; }
	@mkdir -p $(O)/include/generated
	@echo '#define UTS_RELEASE "9.9.1"' > $(O)/include/generated/utsrelease.h
	@echo '  LD      vmlinux'; cp $(CURDIR)/image $(O)/vmlinux
modules:
"""


def files(release="9.9.1"):
    return {
        "Makefile": MAKEFILE,
        "Kbuild": b"",
        "arch/x86/Kconfig": b"",
        "image": elf_image(release),
    }


@pytest.fixture(autouse=True)
def toolchain(monkeypatch):
    monkeypatch.setattr(Toolchain, "of_host", classmethod(lambda cls: cls("")))
    monkeypatch.setattr(built, "compiler_version", lambda _: "gcc 12")


@pytest.fixture
def recipe(tmp_path):
    fragment = tmp_path / "pae.config"
    fragment.write_text("CONFIG_X86_PAE=y\n")
    return BuildRecipe("9.9-pae", "9.9", NAME, ("bookworm", "sid"), (fragment,))


class Steps(Quiet):
    def __init__(self):
        self.said = []

    def step(self, text):
        self.said.append(text)


def test_a_kernel_is_fetched_configured_and_built_once(archive, cache, recipe, monkeypatch):
    archive.source("bookworm", "9.9.1-1", files())
    archive.publish()
    assert cached_built(recipe, cache) is None
    steps = Steps()
    kernel = obtain_built(recipe, cache, steps)
    assert (kernel.name, kernel.release, kernel.flavour) == ("9.9-pae", "9.9.1", "built")
    assert kernel.source == f"{NAME} 9.9.1-1, built with pae"
    assert kernel.config.enabled("CONFIG_X86_PAE")
    assert "building 9.9-pae (linux-source-9.9 9.9.1-1)" in steps.said
    monkeypatch.setenv("PATH", "/nonexistent")
    assert obtain_built(recipe, cache) == cached_built(recipe, cache) == kernel


def test_the_newest_of_several_releases_is_taken_and_kept_until_asked(archive, cache, recipe):
    archive.source("bookworm", "9.9.1-1", files())
    archive.source("sid", "9.9.2-1", files())
    archive.publish()
    assert source_tree(NAME, recipe.codenames, cache).package == f"{NAME} 9.9.2-1"
    archive.source("bookworm", "9.9.10-1", files())
    archive.publish()
    assert source_tree(NAME, recipe.codenames, cache).package == f"{NAME} 9.9.2-1"
    assert source_tree(NAME, recipe.codenames, cache, refresh=True).package == f"{NAME} 9.9.10-1"


def test_a_version_that_the_mirror_has_no_more_gives_way_to_the_next(archive, cache, recipe):
    archive.source("bookworm", "9.9.1-1", files())
    archive.source("bookworm", "9.9.2-1", files())
    archive.publish()
    archive.deb(NAME).unlink()
    assert source_tree(NAME, recipe.codenames, cache).package == f"{NAME} 9.9.1-1"


def test_a_series_that_is_nowhere_says_where_it_was_looked_for(archive, cache, recipe):
    archive.source("bookworm", "1-1", files(), series="1.0")
    archive.publish()
    with pytest.raises(
        SourceUnobtainableError, match=r"bookworm: no index lists linux-source-9\.9"
    ) as caught:
        obtain_built(recipe, cache)
    assert not any("sid-updates" in line for line in caught.value.tried)


def test_a_build_that_failed_is_no_kernel_and_goes_on_when_it_is_mended(
    archive, cache, recipe, monkeypatch
):
    archive.source("bookworm", "9.9.1-1", files())
    monkeypatch.setenv("KMH_TEST_BROKEN", "1")
    archive.publish()
    with pytest.raises(BuildFailedError, match=r"mm/highmem\.c:1:1: error: broken"):
        obtain_built(recipe, cache)
    assert cached_built(recipe, cache) is None
    monkeypatch.delenv("KMH_TEST_BROKEN")
    assert obtain_built(recipe, cache).release == "9.9.1"


def test_a_clone_is_patched_and_built_and_the_kernel_stays(archive, cache, recipe, tmp_path):
    archive.source("bookworm", "9.9.1-1", files())
    archive.publish()
    kernel = obtain_built(recipe, cache)
    copy = clone(built_tree(kernel), tmp_path / "copy")
    (copy.source / "image").unlink()
    (copy.source / "image").write_bytes(elf_image("9.9.1", pvh=False))
    made = build(copy.source, copy.objects)
    assert made.vmlinux.read_bytes() == elf_image("9.9.1", pvh=False)
    assert kernel.vmlinux.read_bytes() == elf_image("9.9.1")
    assert source_tree(NAME, (), cache).path.joinpath("image").read_bytes() == elf_image("9.9.1")
