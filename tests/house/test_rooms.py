"""No room knows a higher one, and no module imports itself through others."""

import re
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.house.source_tree import TOP, imports, modules

ROW = re.compile(r"^\| `harness/(\w+)(?:\.py|/)` \|", re.MULTILINE)
FROM_THE_GROUND = (*ROW.findall((TOP / "docs" / "architecture.md").read_text()), "__main__")
"""The rooms as the docs list them, lowest first: each may import those before it."""


def room(module: str) -> str:
    """The room that *module* is in; the package itself holds the version and is below all."""
    return ".".join(module.split(".")[1:2])


def test_every_room_has_a_place():
    rooms = {room(name) for name in modules()} - {""}
    assert rooms == set(FROM_THE_GROUND)


@pytest.mark.parametrize("upper", FROM_THE_GROUND)
def test_a_room_imports_lower_rooms_only(upper):
    lower = {"", *FROM_THE_GROUND[: FROM_THE_GROUND.index(upper) + 1]}
    wrong = {
        (name, found)
        for name in modules()
        if room(name) == upper
        for found in imports(name)
        if room(found) not in lower
    }
    assert wrong == set()


def test_the_model_imports_nothing_else_of_the_project():
    found = {room(one) for name in modules() if room(name) == "model" for one in imports(name)}
    assert found == {"model"}


def test_no_module_imports_itself_through_others():
    graph = {name: set(imports(name)) - {name} for name in modules()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
