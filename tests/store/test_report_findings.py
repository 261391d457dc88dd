"""What reports say is wrong, in one form; messages are told apart by their words alone."""

from harness.report.run_value import run_value
from harness.store.message_fingerprint import message_fingerprint, steady_text
from harness.store.report_findings import report_findings
from tests.report.sample import result, wrong_frame


def test_a_divergence_is_a_finding_of_its_program():
    (one,) = report_findings(run_value(result(wrong=wrong_frame)))
    assert (one.kind, one.step) == ("contract", 3)
    assert "a: m0 = kmap h1" in one.text
    assert one.program


def test_a_run_that_agrees_has_none():
    assert report_findings(run_value(result())) == ()


def test_each_kind_is_kept_once_for_each_program():
    many = [{"program": "p", "layer": "contract", "step": n, "summary": str(n)} for n in range(9)]
    found = report_findings({"divergences": many, "crash": "oops\nCode: 1", "error": ""})
    assert [(one.program, one.kind, one.text) for one in found] == [
        ("p", "contract", "0"),
        ("", "crash", "oops"),
    ]


def test_other_commands_reports():
    claim = {"number": 4, "claim": "c", "verdict": "holds", "recorded": "refuted"}
    case = {"id": "x", "rule": "r", "wrong": ["silence"]}
    found = report_findings({"claims": [claim], "cases": [case], "troubles": ["WARNING: x"]})
    assert [one.program for one in found] == ["", "claim-4", "x"]


def test_the_same_message_with_other_numbers_has_the_same_fingerprint():
    first = "BUG: unable to handle page fault for address: f7ffe000 at 0xc0101234 PID: 17"
    again = "BUG: unable to handle page fault for address: ffc01000 at 0xc0abc234 PID: 99"
    assert steady_text(first) == steady_text(again)
    assert message_fingerprint("BUG", first) == message_fingerprint("BUG", again)
    assert message_fingerprint("BUG", first) != message_fingerprint("WARNING", first)
    warning = "WARNING: at mm/highmem.c:622 kunmap_local_indexed+0x1e/0x90"
    other = "WARNING: at mm/highmem.c:623 kunmap_local_indexed+0x20/0x90"
    assert message_fingerprint("W", warning) == message_fingerprint("W", other)
