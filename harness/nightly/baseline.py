"""The results of an earlier night, and which verdicts have changed since."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.nightly.crew import NOT_STARTED

_HINT = "give the nightly.json of an earlier night"


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A job whose verdict is not the one of the baseline.

    ``before`` is empty for a new job, ``now`` for one that was not run.
    """

    job: str
    before: str
    now: str

    @property
    def worse(self) -> bool:
        """Tell whether the job agreed before and does not now; without a run it is not worse."""
        return self.before == "agree" and self.now not in ("agree", "")


def _verdict(run: Mapping[str, Any]) -> str:
    return "" if run.get("exit_code") == NOT_STARTED else str(run["verdict"])


def read_baseline(path: Path) -> Mapping[str, str]:
    """Verdicts by job name, from the JSON of an earlier night.

    Raises UsageError for a file that is none.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {run["name"]: str(run["verdict"]) for run in document["runs"]}
    except OSError as error:
        raise UsageError(
            f"the baseline {path} cannot be read: {error.strerror}", hint=_HINT
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the baseline {path} is not JSON: {error}", hint=_HINT) from error
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"the baseline {path} has no list of runs with verdicts", hint=_HINT
        ) from error


def changes(
    baseline: Mapping[str, str], runs: Iterable[Mapping[str, Any]]
) -> tuple[VerdictChange, ...]:
    """Every job whose verdict differs from the baseline's.

    They come in the order of *runs*; jobs that only the baseline has follow.  A job that never
    started, because a signal has ended the night, was not run.
    """
    now = {str(run["name"]): _verdict(run) for run in runs}
    names = (*now, *(name for name in baseline if name not in now))
    found = (VerdictChange(name, baseline.get(name, ""), now.get(name, "")) for name in names)
    return tuple(one for one in found if one.before != one.now)
