import re

import pytest

from harness.base import project
from harness.check.builder import OTHER_TREES
from harness.check.risks import RISKS
from harness.kernel import catalogue
from harness.kernel.build_recipe import BuildRecipeError, recipes
from harness.kernel.by_name import kernel_by_name, kernel_names
from harness.kernel.catalogue import UnknownKernelError

SERIES = """\
[series."9.9"]
package = "linux-source-9.9"
codenames = ["sid"]
lacks = ["CONFIG_OLD"]
[kernel]
"""


def test_every_kernel_of_the_catalogue_can_be_asked_for():
    found = recipes()
    for recipe in found.values():
        assert recipe.settings()["CONFIG_VIRTIO_PCI"] == "y", f"{recipe.name} has no fast wire"
        assert (
            recipe.settings()["CONFIG_HIGHMEM4G" if "pae" not in recipe.name else "CONFIG_X86_PAE"]
            == "y"
        )
        assert recipe.name.startswith(recipe.series)
        assert recipe.package == f"linux-source-{recipe.series}"
    assert {"5.10", "6.1", "6.12", "7.3"} <= set(found)
    assert {f"{series}-pae" for series in ("5.10", "6.1", "6.12", "7.3")} <= set(found)


def test_no_recipe_has_the_name_of_a_stock_kernel():
    assert (
        len(set(kernel_names())) == len(kernel_names()) == len(recipes()) + len(catalogue.known())
    )


def test_every_fragment_is_used_and_says_what_it_is_for():
    used = {path for recipe in recipes().values() for path in recipe.fragments}
    words = [word for risk in RISKS for word in risk.place.config.split("+") if word.isalpha()]
    words += [other for _, _, other in OTHER_TREES.values()]
    used |= {project.KERNEL_FRAGMENTS / f"{word}.config" for word in words}
    assert used == set(project.KERNEL_FRAGMENTS.glob("*.config"))
    for path in used:
        assert re.match(r"# \S", path.read_text()), path


def test_what_a_series_lacks_is_not_asked_of_it(tmp_path):
    (tmp_path / "a.config").write_text("CONFIG_OLD=y\nCONFIG_NEW=y\n")
    (tmp_path / "k.toml").write_text(SERIES + '"9.9" = { series = "9.9", fragments = ["a"] }\n')
    assert recipes(tmp_path / "k.toml", tmp_path)["9.9"].settings() == {"CONFIG_NEW": "y"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('{ series = "1.0", fragments = [] }', "series 1.0, which the catalogue does not have"),
        ('{ series = "9.9", fragments = ["none"] }', "none.config, which is not there"),
        ('{ series = "9.9" }', r"missing \['fragments'\]"),
        ('{ series = "9.9", fragments = [], smp = 2 }', r"unknown \['smp'\]"),
    ],
)
def test_an_entry_that_cannot_be_is_refused(tmp_path, entry, said):
    (tmp_path / "k.toml").write_text(f"{SERIES}x = {entry}\n")
    with pytest.raises(BuildRecipeError, match=said):
        recipes(tmp_path / "k.toml", tmp_path)


def test_an_unknown_name_is_answered_with_near_ones_of_both_kinds(cache):
    with pytest.raises(UnknownKernelError, match=r"did you mean 6\.1-pae"):
        kernel_by_name("6.1-pea", cache)
    with pytest.raises(UnknownKernelError, match=r"did you mean debian-6\.1-686"):
        kernel_by_name("debian-6.1-686p", cache)
