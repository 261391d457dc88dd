"""Mutants are what they say; the survivors on record are mutants of the present model."""

from tests.mutation.operators import MODULES, Source
from tests.mutation.record import survivors
from tests.mutation.work import code_of

TEXT = '''"""Words."""

TABLE = (1, "a")


def pick(values, *, low: int = 0):
    """More words."""
    if low and values[0] < low:
        return None
    return f"{low} is not {values[0]}"


class Box:
    def add(self, n):
        self.sum += n
'''


def changes(function):
    return {mutant.change for mutant in Source("m", TEXT).mutants if mutant.function == function}


def test_what_is_changed():
    assert changes("") == {
        "(1, 'a') -> ('a',)",
        "(1, 'a') -> (1,)",
        "1 -> 2",
        "'a' -> 'a~'",
        "0 -> 1",
    }
    assert changes("pick") == {
        "if low and values[0] < low: -> if True:", "if low and values[0] < low: -> if False:",
        "low and values[0] < low -> low", "low and values[0] < low -> values[0] < low",
        "values[0] < low -> values[0] <= low", "values[0] < low -> values[0] >= low", "0 -> 1",
        "return f'{low} is not {values[0]}' -> return None",
    }  # fmt: skip
    assert changes("Box.add") == {
        "self.sum += n -> pass",
        "self.sum += n -> self.sum -= n",
        "self.sum += n -> self.sum = n",
    }


def test_a_mutant_is_made_and_undone():
    source = Source("m", TEXT)
    for mutant in source.mutants:
        made = source.broken(mutant)
        if mutant.function == "Box.add" and mutant.change.endswith("-> self.sum -= n"):
            found = {}
            exec(TEXT, found)
            found["Box"].add.__code__ = code_of("Box.add", made)
            box = found["Box"]()
            box.sum = 5
            box.add(2)
            assert box.sum == 3
    keys = [mutant.key for mutant in source.mutants]
    assert len(keys) == len(set(keys))
    assert [mutant.key for mutant in Source("m", TEXT).mutants] == keys


def test_survivors_on_record_are_mutants_of_the_present_model():
    listed = survivors()
    assert all(survivor.reason for survivor in listed)
    names = {survivor.key.split(".", 1)[0] for survivor in listed}
    keys = {
        mutant.key for name in names for mutant in Source(name, MODULES[name].read_text()).mutants
    }
    assert [survivor.key for survivor in listed if survivor.key not in keys] == []
