"""What names the entries of the list of bugs: scenarios, mutants, and tests that seed bugs."""

import re
import textwrap
import tomllib
from collections import defaultdict
from functools import cache

from tests.house.source_tree import TOP

IDS = tuple(f"P{number}" for number in range(1, 36)) + tuple(
    f"A{number}" for number in range(1, 39)
)
_ID = re.compile(r"\b[PA][0-9]{1,2}\b")
_RANGE = re.compile(r"\b([PA])([0-9]+) to [PA]([0-9]+)\b")
_TYPED_CASE = re.compile(r'"(A2[78])"')


def ids_in(text):
    """Ids named in *text*; ``A15 to A17`` names three."""
    found = set(_ID.findall(text))
    for kind, first, last in _RANGE.findall(text):
        found |= {f"{kind}{number}" for number in range(int(first), int(last) + 1)}
    return found


@cache
def scenarios_by_id():
    """Names of the scenarios whose comments at the head name an id."""
    found = defaultdict(list)
    for path in sorted((TOP / "tests/scenarios").rglob("*.kmap"), key=lambda path: path.stem):
        text = path.read_text(encoding="utf-8").partition("title:")[0]
        for name in ids_in(text):
            found[name].append(path.stem)
    return found


@cache
def mutant_catalogue():
    """``catalogue.toml`` as it stands."""
    with (TOP / "tests/mutants/catalogue.toml").open("rb") as file:
        return tomllib.load(file)


def mutants_of(name):
    """Mutants with the bug, as the page lists them."""
    return [
        f"`{mutant}`" + (" (harmless)" if entry["kind"] == "harmless" else "")
        for mutant, entry in mutant_catalogue()["mutant"].items()
        if name in entry.get("of", ())
    ]


@cache
def seeding_tests():
    """Files of ``tests/acceptance`` that seed bugs, with the ids that they name."""
    folder = TOP / "tests/acceptance"
    return {
        path.name: ids_in(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.py"))
    }


def evidence_lines(name):
    """The list of an entry in ``docs/bugs.md``: who shows the bug, and what proves it."""
    absent = mutant_catalogue()["absent"].get(name)
    seeded = [f"`{file}`" for file, named in seeding_tests().items() if name in named]
    lists = {
        "Scenarios": ", ".join(f"`{one}`" for one in scenarios_by_id()[name]),
        "Mutants": ", ".join(mutants_of(name)),
        "Seeded": ", ".join(seeded),
        "No mutant": absent,
    }
    for label, text in lists.items():
        if text:
            yield textwrap.fill(
                f"- {label}: {text}",
                98,
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
