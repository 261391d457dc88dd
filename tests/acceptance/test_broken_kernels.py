"""Every broken kernel is reported at its step, with the broken rule or the changed field."""

import pytest

from harness.base import project
from harness.base.progress import Quiet
from harness.compare.divergence import Verdict
from harness.guest.running_guest import Guest
from harness.run.prepare import prepare

from .bench import judged, summary_of, written
from .broken import CASES, table
from .patched import with_bug

pytestmark = [pytest.mark.guest, pytest.mark.thirds]

GUESTS_BY_CONTENT = 20


def label(case):
    return f"{case.id}-{case.kernel.removeprefix('debian-')}{'-by-content' * bool(case.blind)}"


def parameter(case):
    """*case* for pytest.

    On a busy host the emulator drops the translations of a CPU that waits for another one: reads
    through them are then fresh in guest after guest.
    """
    marks = [pytest.mark.nightly] if case.blind and case.smp > 1 else []
    return pytest.param(case, marks=marks, id=label(case))


def tried(case, folder):
    """The result of a guest with the bug.

    For a blind case the first of several guests that diverges: a stale read proves the bug, but
    the emulator may drop its TLB entries, and then every read of that guest is fresh.
    """
    prepared = prepare(case.kernel, None, Quiet())
    scenario = written(folder, case.scenario) if "\n" in case.scenario else case.scenario
    for _ in range(GUESTS_BY_CONTENT if case.blind else 1):
        launch = with_bug(prepared.kernel, case.bug)
        result = judged(prepared, folder, scenario, launch=launch, smp=case.smp)
        if result.divergences:
            break
    return result


@pytest.mark.parametrize("case", map(parameter, CASES))
def test_a_broken_kernel_is_reported_at_its_step(case, tmp_path, blinded, monkeypatch):
    monkeypatch.setattr(
        Guest, "reset", lambda self: None
    )  # it is not used again, and might not recover
    blinded(case.blind)
    result = tried(case, tmp_path)
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1), summary_of(result)
    first = next(one for one in result.divergences if one.layer is case.layer)
    steps = (case.step,) if isinstance(case.step, int) else case.step
    assert first.step in steps, summary_of(result)
    assert first.operation.code is case.code, summary_of(result)
    told = (*first.reasons, *(field for allowed in first.allowed for field in allowed.differs))
    assert any(one.startswith(case.named) for one in told), told
    assert f"step {first.step} of " in summary_of(result)


def test_the_docs_have_the_catalogue_as_it_is():
    docs = (project.SCENARIOS.parents[1] / "docs" / "broken-kernels.md").read_text()
    first, *_ = wanted = list(table())
    told = docs.splitlines()
    at = told.index(first)
    assert told[at : at + len(wanted)] == wanted
