"""One night as reports see it: its runs, what has changed, and the nights before it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError
from harness.store.night_changes import TOLD, ChangeKind, ProgramChange, compare_nights
from harness.store.store import Store
from harness.store.store_records import PlannedJob, StoredNight, StoredRun


@dataclass(frozen=True, slots=True)
class NightView:
    """A night, and what is known of the nights before it, the oldest first.

    ``reports`` has what each run of the night wrote, by key.
    """

    night: StoredNight
    planned: tuple[PlannedJob, ...]
    runs: tuple[StoredRun, ...]
    changes: tuple[ProgramChange, ...]
    past: tuple[StoredRun, ...]
    nights: tuple[StoredNight, ...]
    reports: Mapping[str, Mapping[str, Any]]

    @property
    def news(self) -> tuple[ProgramChange, ...]:
        """What a person should hear of: newly failing, newly flaky, newly fixed."""
        return tuple(one for one in self.changes if one.kind in TOLD)

    def of_kind(self, kind: ChangeKind) -> tuple[ProgramChange, ...]:
        """The changes of one kind."""
        return tuple(one for one in self.changes if one.kind is kind)

    @property
    def verdicts(self) -> Counter[str]:
        """How many runs have each verdict."""
        return Counter(run.verdict for run in self.runs)

    def history(self, job: str) -> tuple[StoredRun, ...]:
        """The runs of *job*, this night's last."""
        return tuple(run for run in (*self.past, *self.runs) if run.job == job)


def view_night(store: Store, name: str = "", against: str = "") -> NightView:
    """The night of that *name*, or the last one, held against all before it.

    With *against* it is held against that night only.  Raises UsageError for an unknown night.
    """
    nights = store.nights()
    at = _place(nights, name)
    earlier = [nights[_place(nights, against)]] if against else nights[:at]
    names = {one.name for one in earlier}
    runs = store.runs(nights[at].name)
    past = tuple(run for run in store.runs() if run.night in names)
    planned = store.planned(nights[at].name)
    return NightView(
        nights[at],
        planned,
        runs,
        compare_nights(planned, runs, past),
        past,
        (*earlier, nights[at]),
        {run.key: store.report(run.key) for run in runs},
    )


def _place(nights: Sequence[StoredNight], name: str) -> int:
    """The position of the night of that *name*, or of the last."""
    names = [one.name for one in nights]
    if not names:
        raise UsageError("the store has no night", hint="run `kmap-harness nightly` first")
    if name and name not in names:
        raise UsageError(f"there is no night {name!r}", hint=f"the last are: {_last(names)}")
    return names.index(name) if name else len(names) - 1


def _last(names: Sequence[str]) -> str:
    return ", ".join(names[-5:])
