import pytest

from harness.base import project
from harness.errors import UsageError
from harness.mutants.mutant_catalogue import CatalogueError, MutantKind, read_catalogue
from harness.mutants.score import Attempt, Detection

CATALOGUE = read_catalogue(project.MUTANTS)
PKMAP = {f"P{number}" for number in range(1, 36)}
ATOMIC = {f"A{number}" for number in range(1, 39)}


def of_kind(kind):
    return [one for one in CATALOGUE.mutants if one.kind is kind]


def test_every_entry_of_the_mutation_list_has_a_patch_or_a_reason():
    patched = {entry for one in CATALOGUE.mutants for entry in one.of}
    assert patched | set(CATALOGUE.absent) == PKMAP | ATOMIC
    assert all(CATALOGUE.absent.values())


def test_there_are_enough_bugs_and_enough_patches_that_are_none():
    assert len(CATALOGUE.mutants) - len(of_kind(MutantKind.HARMLESS)) >= 40
    assert len(of_kind(MutantKind.HARMLESS)) >= 10


def test_every_patch_is_in_the_catalogue_and_every_scenario_that_is_needed_exists():
    patches = {
        path for suffix in ("cocci", "diff") for path in project.MUTANTS.rglob(f"*.{suffix}")
    }
    assert patches == {one.patch for one in CATALOGUE.mutants}
    needed = {name for one in CATALOGUE.mutants for name in one.needs}
    assert {name for name in needed if not (project.SCENARIOS / f"{name}.kmap").is_file()} == set()


def test_every_bug_says_what_it_breaks_and_what_reveals_it():
    for one in CATALOGUE.mutants:
        assert one.breaks
        assert one.reveals or one.kind is MutantKind.HARMLESS


def test_versions():
    hooks = CATALOGUE.named(("local/hook-out-gone",))[0]
    assert hooks.applies((6, 1))
    assert not hooks.applies((5, 10))
    truncated = CATALOGUE.named(("pkmap/frame-truncated",))[0]
    assert truncated.applies((6, 12))
    assert not truncated.applies((7, 3))


def test_mutants_are_chosen_by_name_and_by_entry():
    assert {one.name for one in CATALOGUE.named(("P25", "recheck-uncounted"))} == {
        "pkmap/no-recheck",
        "pkmap/recheck-uncounted",
    }
    with pytest.raises(UsageError, match="no mutant is called 'P99'"):
        CATALOGUE.named(("P99",))


def test_an_entry_without_a_patch_and_a_wrong_kind_are_named(tmp_path):
    text = '[files]\nx = ["a.c"]\n[mutant."x/one"]\nkind = "odd"\nbreaks = "all"\n[absent]\n'
    (tmp_path / "catalogue.toml").write_text(text)
    with pytest.raises(CatalogueError, match="x/one has 0 patches"):
        read_catalogue(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x/one.diff").touch()
    with pytest.raises(CatalogueError, match=r"x/one .* is wrong: 'odd'"):
        read_catalogue(tmp_path)


def test_a_race_must_be_found():
    race = CATALOGUE.named(("pkmap/state-after-unlock",))[0]
    assert race.kind is MutantKind.RACE
    assert Attempt(race, Detection.CONTRACT).as_wanted
    assert not Attempt(race, Detection.NOTHING).as_wanted
    assert not Attempt(race, Detection.ERROR).as_wanted
