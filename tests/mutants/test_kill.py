"""A dozen of the catalogue on one kernel built from source; `kmap-harness mutants` tries them all."""

import pytest

from harness import project
from harness.guest.shape import Shape
from harness.kernel.cache import Cache
from harness.kernel.progress import Quiet
from harness.kernel.recipe import recipes
from harness.mutants.attempt import Means, attempt
from harness.mutants.catalogue import read_catalogue
from harness.mutants.field import open_field
from harness.mutants.score import Found
from harness.run.programs import read_plan, scenario_files

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
HARMLESS = ("harmless/flush-renamed", "harmless/count-renamed", "harmless/scan-downwards")


@pytest.fixture(scope="module")
def field(tree61):
    cache = Cache.default()
    with cache.locked(f"mutants-{tree61.name}"):
        yield open_field(recipes()[tree61.name], cache, Quiet())


def tried(name, field, folder):
    (mutant,) = CATALOGUE.named((name,))
    plan = read_plan(scenario_files([], project.SCENARIOS), 1, 2000)
    return attempt(mutant, field, Means(plan, Shape(smp=2), folder))


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_is_reported_as_a_broken_promise(field, name, tmp_path):
    found = tried(name, field, tmp_path)
    assert found.found is Found.CONTRACT, found


@pytest.mark.parametrize("name", HARMLESS)
def test_a_patch_that_is_no_bug_is_never_reported_as_one(field, name, tmp_path):
    found = tried(name, field, tmp_path)
    assert found.found in (Found.NOTHING, Found.BEHAVIOUR), found
