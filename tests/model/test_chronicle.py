"""The book of the model (see chronicle.py) is what the model says; a change of it is to be read
and accepted.
"""

import pytest

from tests.model.chronicle import BOOK, LIES, programs, retold
from tests.model.kinds import LAYOUTS, of_kind


def difference(old, new):
    """The operations up to the first line that differs, the old line and the new one."""
    pairs = list(zip(old.splitlines(), new.splitlines(), strict=False))
    at = next((at for at, (a, b) in enumerate(pairs) if a != b), len(pairs) - 1)
    program = [a for a, _ in pairs[: at + 1] if not a.startswith(" ")]
    return "\n".join((*program, f"was: {pairs[at][0]}", f"now: {pairs[at][1]}"))


def compare(folder, kind):
    text = (folder / f"{kind}.txt").read_text()
    machine, parts = of_kind(kind), text.rstrip("\n").split("\n\n")
    for old, (ops, named) in zip(parts, programs(text), strict=True):
        new = retold(machine, ops, named)
        if new != old:
            pytest.fail(
                f"{difference(old, new)}\n"
                "if that is right: python -m tests.model.chronicle --retell"
            )


@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_model_says_what_the_book_says(kind):
    compare(BOOK, kind)


@pytest.mark.judges("contract", "violation", "seen_state")
@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_contract_finds_what_is_not_so(kind):
    compare(LIES, kind)
