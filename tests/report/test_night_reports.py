"""The reports of a night: what is new first, in forms that other programs accept."""

import email
import email.policy
import json
import re
from itertools import pairwise

import jsonschema
import kcidb_io
import lxml.html
import pytest

from harness.errors import UsageError
from harness.report.kcidb import kcidb_value
from harness.report.night_ktap import night_ktap_lines
from harness.report.night_mail import night_mail
from harness.report.night_page import night_page
from harness.report.nightly_report import nightly_lines, nightly_value
from harness.report.run_value import run_value
from harness.store.kernel_messages import grouped_messages
from harness.store.night_changes import ChangeKind
from harness.store.night_view import view_night
from harness.store.store import Store
from tests.package.conftest import ROOT

from .sample import result, wrong_frame
from .sample_night import night, viewed

GOOD = json.loads(json.dumps(run_value(result()), default=list))
BAD = json.loads(json.dumps(run_value(result(wrong=wrong_frame)), default=list))
BAD["kernel"]["build"] = "#2 another build"
DEAD = {"verdict": "error", "error": "QEMU ended <&> \x1b[1m", "steps": 0}
SAID = {
    **BAD,
    "troubles": [
        {"program": "<text>", "kind": "WARNING", "title": "at c0101", "step": 3, "lines": ["x"]}
    ],
}
SCHEMA = json.loads((ROOT / "docs/night.schema.json").read_text())


@pytest.fixture
def quiet(tmp_path):
    return viewed(tmp_path / "quiet", {"a": GOOD, "b": GOOD}, {"a": GOOD, "b": GOOD})


@pytest.fixture
def loud(tmp_path):
    return viewed(
        tmp_path / "loud",
        {"a": GOOD, "b": GOOD, "d": GOOD},
        {"a": SAID, "b": GOOD, "d": DEAD, "late": None},
    )


# -- the terminal


def test_a_quiet_night_is_one_line(quiet):
    assert list(nightly_lines(quiet)) == ["night 2026-01-02: nothing new; 2 of 2 runs agree"]


def test_what_is_new_stands_first_and_says_since_when_and_how_to_see_it(loud):
    lines = list(nightly_lines(loud))
    assert lines[0] == ("NEWLY FAILING: <text> on a (last good 2026-01-01, first bad 2026-01-02)")
    assert "a: m0 = kmap h1: contract (pte, slots)" in lines[1]
    assert lines[2] == "    again: kmap-harness run --kernel k --shape a"
    assert "NO VERDICT: d (last good 2026-01-01)" in lines
    assert lines[-1] == (
        "night 2026-01-02: 1 NEWLY FAILING, 1 NO VERDICT; 1 of 3 runs agree; 1 not run"
    )
    assert len(lines) <= 24


def test_what_fails_as_before_is_counted_and_named_when_asked(tmp_path):
    view = viewed(tmp_path, {"a": BAD}, {"a": BAD})
    assert list(nightly_lines(view)) == [
        "night 2026-01-02: nothing new; 0 of 1 run agree; 1 still failing"
    ]
    assert any("STILL FAILING: <text> on a" in line for line in nightly_lines(view, verbose=True))


# -- the mail


def test_a_quiet_night_writes_no_mail(quiet):
    assert night_mail(quiet) is None


def test_a_mail_names_scenario_kernel_nights_and_command(loud):
    mail = email.message_from_string(night_mail(loud), policy=email.policy.default)
    assert mail["Subject"] == "[kmap-harness] NEWLY FAILING: <text> on a"
    body = mail.get_content()
    assert "history (oldest first): .F" in body
    assert "last good 2026-01-01, first bad 2026-01-02" in body
    assert "> step 3: a: m0 = kmap h1" in body
    assert re.search(r"pte: seen 0x\w+, allowed 0x\w+", body)
    assert "kmap-harness run --kernel k" in body
    assert "config c0ffeec0ffee" in body
    assert max(map(len, body.splitlines())) <= 78
    assert night_mail(loud) == night_mail(loud)


def test_what_is_fixed_is_told_without_a_command(tmp_path):
    view = viewed(tmp_path, {"a": BAD}, {"a": GOOD})
    body = night_mail(view)
    assert "NEWLY FIXED: <text> on a" in body
    assert "again:" not in body


# -- the page


def test_the_page_needs_nothing_else_and_is_small(quiet, loud):
    for view in (quiet, loud):
        page = night_page(view)
        assert len(page.encode()) < 200_000
        tree = lxml.html.fromstring(page)
        assert tree.xpath("//script | //link | //img | //iframe | //*[@src]") == []
        assert not re.search(r"url\(|@import|https?://", page)
        assert tree.xpath("string(//title)").startswith("2026-01-02: ")
        assert [one.tag for one in tree.xpath("//body/*")] == ["header", "main", "footer"]


def test_the_page_shows_a_divergence_with_pictures(loud):
    tree = lxml.html.fromstring(night_page(loud))
    (shown, dead) = tree.xpath("//article")
    text = shown.text_content()
    assert "a: m0 = kmap h1" in text
    assert "diverges" in shown.xpath(".//li[@class='here']")[0].text_content()
    (pkmap,) = shown.xpath(".//svg")
    (slots,) = shown.xpath(".//table[@class='entries']")
    assert [row.xpath("string(./th)") for row in slots.xpath(".//tr[@class='odd']")] == ["≠ 2"]
    assert pkmap.get("aria-label").startswith("512 pkmap slots")
    assert pkmap.get("aria-label").endswith("differing: 2")
    assert "2 h1 0x163+NX" in slots.text_content()
    assert "2 pfn 0x60001 0x163+NX" in slots.text_content()
    assert "WARNING" in tree.text_content()
    assert "kmap-harness run --kernel k" in shown.xpath(".//pre")[0].text_content()
    assert "QEMU ended <&>" in dead.text_content()


def test_a_divergence_of_histories_has_words_only(tmp_path):
    told = {"verdict": "diverge", "divergences": [{"summary": "mixed history, seed 3: odd"}]}
    view = viewed(tmp_path, {"a": told})
    assert "mixed history, seed 3: odd" in night_page(view)
    assert "mixed history, seed 3: odd" in night_mail(view)


def test_text_of_kernels_is_no_markup(tmp_path):
    evil = {**DEAD, "error": "<script>alert(1)</script>"}
    page = night_page(viewed(tmp_path, {"a": evil}))
    assert "<script" not in page
    assert "&lt;script" in page
    assert "\x1b" not in night_page(viewed(tmp_path / "two", {"a": DEAD}))


def test_every_region_that_scrolls_has_a_name_and_the_keyboard(loud):
    tree = lxml.html.fromstring(night_page(loud))
    for one in tree.xpath("//*[@class='scroll']"):
        assert one.get("tabindex") == "0"
        assert one.get("aria-label")
    assert all(one.get("aria-label") for one in tree.xpath("//svg"))
    assert all(one.text_content().strip() for one in tree.xpath("//th"))
    assert all(one.xpath("./caption") for one in tree.xpath("//table"))
    heads = [int(one.tag[1]) for one in tree.xpath("//h1 | //h2 | //h3")]
    assert all(b - a <= 1 for a, b in pairwise(heads))


def test_a_year_of_nights_fits(tmp_path):
    jobs = {f"job-{number}": GOOD for number in range(8)}
    with Store(tmp_path / "store.sqlite", make=True) as store:
        for number in range(65):
            night(store, f"20{number + 10}-01-01", jobs)
        page = night_page(view_night(store))
    assert "nothing new" in page
    assert len(page) < 200_000


# -- JSON, KTAP, KCIDB


def test_the_json_is_as_published(quiet, loud):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for view in (quiet, loud):
        value = json.loads(json.dumps(nightly_value(view)))
        jsonschema.validate(value, SCHEMA)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**value, "more": 1}, SCHEMA)


RESULT = re.compile(r"( *)(ok|not ok) (\d+) ([^#]+?)(?: # SKIP (.+))?")


def results(lines):
    """The results by depth, each numbered in its order after its plan."""
    found = {0: [], 4: []}
    for line in lines:
        if match := RESULT.fullmatch(line):
            depth = len(match[1])
            found[depth].append((match[2], match[4]))
            expected = len(found[0]) if depth == 0 else int(match[3])
            assert int(match[3]) == expected, line
        else:
            assert re.fullmatch(r" *(KTAP version 1|1\.\.\d+|#.*)", line), line
    return found


def test_ktap_has_a_test_for_each_job_and_its_programs_inside(loud):
    lines = list(night_ktap_lines(loud))
    assert lines[:2] == ["KTAP version 1", "1..4"]
    found = results(lines)
    assert [one for one, _ in found[0]] == ["not ok", "ok", "not ok", "ok"]
    assert found[4] == [("not ok", "<text>"), ("ok", "<text>")]
    assert lines[-1].startswith("ok 4 late # SKIP")


def test_kcidb_accepts_the_submission(loud, quiet):
    for view in (loud, quiet):
        value = json.loads(json.dumps(kcidb_value(view, "lab_1")))
        assert value["version"] == {"major": 5, "minor": 3}
        kcidb_io.schema.LATEST.validate(value)
        known = {one["id"] for one in value["builds"]}
        assert {one["build_id"] for one in value["tests"]} <= known
        assert len({one["id"] for one in value["tests"]}) == len(value["tests"])
        assert value == json.loads(json.dumps(kcidb_value(view, "lab_1")))


def test_a_failure_of_the_harness_is_a_miss_for_kcidb(loud):
    tests = kcidb_value(loud, "lab")["tests"]
    assert {one["path"]: one["status"] for one in tests if one["path"].count(".") == 2} == {
        "kmap.conformance.a": "FAIL",
        "kmap.conformance.b": "PASS",
        "kmap.conformance.d": "MISS",
    }


def test_an_origin_that_kcidb_refuses_is_refused(quiet):
    with pytest.raises(UsageError, match="no origin of KCIDB"):
        kcidb_value(quiet, "My Lab")


# -- triage


def test_messages_that_differ_in_numbers_are_one(tmp_path):
    def said(title):
        return {"verdict": "diverge", "troubles": [{"kind": "BUG", "title": title, "step": 1}]}

    view = viewed(
        tmp_path,
        {"a": said("at f7ffe000 PID: 4"), "b": said("sleeping function")},
        {"a": said("at ffc01000 PID: 5"), "b": GOOD},
    )
    first, second = grouped_messages((*view.past, *view.runs))
    assert (first.times, first.first, first.last, first.jobs) == (
        2,
        "2026-01-01",
        "2026-01-02",
        ("a",),
    )
    assert first.text == "BUG: at ffc01000 PID: 5"
    assert second.times == 1
    assert view.of_kind(ChangeKind.NEWLY_FIXED)
