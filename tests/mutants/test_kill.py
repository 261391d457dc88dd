"""A dozen mutants on one kernel built from source; `kmap-harness mutants` tries all of them."""

import pytest

from harness.base import project
from harness.base.cache import Cache
from harness.base.progress import Quiet
from harness.guest.shape import Shape
from harness.kernel.build_recipe import recipes
from harness.mutants.attempt import TrialSetup, attempt
from harness.mutants.mutant_catalogue import read_catalogue
from harness.mutants.shared_tree import open_shared_tree
from harness.mutants.source_edit import replace_file
from harness.mutants.switched import all_in_one
from harness.run.programs import read_plan
from harness.run.scenario_files import scenario_files

pytestmark = pytest.mark.guest

CATALOGUE = read_catalogue(project.MUTANTS)
BUGS = (
    "pkmap/flush-misses-first",
    "pkmap/flush-keeps-address",
    "pkmap/no-recheck",
    "pkmap/wake-inverted",
    "address/remove-first",
    "local/irq-keeps-idx",
    "local/switch-in-reversed",
)
ALONE = ("pkmap/no-wake", "harmless/flush-renamed", "harmless/count-renamed")
"""In kernels of their own: two of them no other kernel can have."""
HARMLESS = ("harmless/flush-backwards", "harmless/scan-downwards")


def plan():
    return read_plan(scenario_files([], project.SCENARIOS), 1, 2000)


@pytest.fixture(scope="module")
def field(tree61):
    cache = Cache.default()
    with cache.locked(f"mutants-{tree61.name}"):
        yield open_shared_tree(recipes()[tree61.name], cache, Quiet())


@pytest.fixture(scope="module")
def board(field, tmp_path_factory):
    made = all_in_one(
        field,
        tuple(one for name in (*BUGS, *HARMLESS, *ALONE) for one in CATALOGUE.named((name,))),
    )
    assert set(made.numbers) == {*BUGS, *HARMLESS, "pkmap/no-wake"}
    made.require_none(TrialSetup(plan(), Shape(smp=2), tmp_path_factory.mktemp("none")))
    return made


@pytest.mark.parametrize("name", [*BUGS, *HARMLESS])
def test_of_many_in_one_kernel_the_one_that_is_switched_on_is_reported(board, name, tmp_path):
    (mutant,) = CATALOGUE.named((name,))
    found = board.attempt(mutant, TrialSetup(plan(), Shape(smp=2), tmp_path))
    assert found.as_wanted, f"{found.found.value}: {found.where}: {found.what}"


@pytest.mark.parametrize("name", ALONE)
def test_a_kernel_built_for_one_mutant_is_reported_as_it_should(field, name, tmp_path):
    (mutant,) = CATALOGUE.named((name,))
    found = attempt(mutant, field, TrialSetup(plan(), Shape(smp=2), tmp_path))
    assert found.as_wanted, f"{found.found.value}: {found.where}: {found.what}"


def test_what_a_killed_score_has_left_in_the_source_is_mended(tree61, field):
    path = field.tree.source / "mm/highmem.c"
    whole = path.read_bytes()
    replace_file(path, whole + b"/* left */")
    assert open_shared_tree(recipes()[tree61.name], Cache.default(), Quiet()).tree == field.tree
    assert path.read_bytes() == whole
