"""The model: its wings import one way, and few modules stand on top of each other."""

import pytest

from tests.house.source_tree import imports, modules

MODEL = "harness.model."
LEVELS_MOST = 6
"""Modules in the longest chain of imports inside the model."""

WINGS = {
    "records": {"records"},
    "rules": {"records", "rules"},
    "fast": {"records", "rules", "fast"},
    "contract": {"records", "rules", "contract"},
    "search": {"records", "rules", "contract", "search"},
}
"""What each wing of the model may import."""

NAMES = tuple(name for name in modules() if name.startswith(MODEL) and name.count(".") > 2)


def wing(name):
    return name.split(".")[2]


def below(name):
    return {one for one in imports(name) if one in NAMES} - {name}


@pytest.mark.parametrize("name", WINGS)
def test_a_wing_imports_lower_wings_only(name):
    assert {wing(one) for module in NAMES if wing(module) == name for one in below(module)} <= (
        WINGS[name]
    )


def test_the_longest_chain_of_imports_is_short():
    chains = {}

    def chain(name):
        if name not in chains:
            chains[name] = (*max(map(chain, sorted(below(name))), key=len, default=()), name)
        return chains[name]

    longest = max(map(chain, NAMES), key=len)
    assert len(longest) <= LEVELS_MOST, " <- ".join(longest)
