"""The second book of the model (see sequel.py) is what the model says."""

import pytest

from tests.model.sequel import CHAPTERS, path, programs, retold
from tests.model.test_chronicle import difference

JUDGED = {
    "errands": ("outside", "step", "refusal", "finish", "context"),
    "instants": ("armed_interrupt", "step", "refusal", "finish"),
    "absorbed": ("seen_state",),
}
CASES = [
    pytest.param(chapter, kind, marks=pytest.mark.judges(*JUDGED[chapter]))
    for chapter, kinds in CHAPTERS.items()
    for kind in kinds
]


@pytest.mark.parametrize(("chapter", "kind"), CASES)
def test_the_model_says_what_the_second_book_says(chapter, kind):
    text = path(chapter, kind).read_text()
    for old, (ops, names) in zip(text.rstrip("\n").split("\n\n"), programs(text), strict=True):
        new = retold(chapter, kind, ops, names)
        if new != old:
            pytest.fail(
                f"{difference(old, new)}\nif that is right: python -m tests.model.sequel --retell"
            )
