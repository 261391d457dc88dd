"""An allowed outcome of a step, and whether what was seen is that outcome."""

from typing import NamedTuple

from harness.model.records.observation import UNCLAIMED, Observation, SavedChange
from harness.model.records.state import State


class Outcome(NamedTuple):
    """An observation that is allowed, and the state after it.

    ``rule`` names the branch of the model that was taken; ``known`` the known kernel bug that
    the prediction contains, if any.  ``slack`` is the number of local mappings that an
    involuntary switch during the step would flush: more INVLPGs than predicted are
    then no difference.  A field of the observation that is ``UNCLAIMED`` is not judged.
    """

    observation: Observation
    state: State
    rule: str
    known: str | None = None
    slack: int = 0


INVLPG = frozenset({"invlpgs", "invlpg_address"})
"""Fields of an observation that an involuntary switch changes."""


def same_saved(
    predicted: tuple[SavedChange, ...], seen: tuple[SavedChange, ...], depth: int
) -> bool:
    """Tell whether the saved entries are those that a switch needs: only those below *depth* are.

    An entry above it may keep what it had; mapped again with that, it does not change.
    """
    wanted = {one.entry: one.pte for one in predicted}
    return all(wanted.get(one.entry) == one.pte for one in seen if one.entry < depth)


def differences(outcome: Outcome, seen: Observation) -> tuple[str, ...]:
    """Names of the fields in which *seen* is not *outcome*; empty where it agrees."""
    predicted = outcome.observation
    if predicted == seen:
        return ()
    fields = tuple(
        name
        for name, want, got in zip(Observation._fields, predicted, seen, strict=True)
        if want not in (got, UNCLAIMED)
        and not (name == "saved" and same_saved(predicted.saved, seen.saved, seen.depth))
    )
    if outcome.slack and seen.invlpgs > predicted.invlpgs:
        return tuple(name for name in fields if name not in INVLPG)
    return fields
