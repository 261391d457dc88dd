"""The reports of a check: for a terminal, for b4, as a mail and as JSON."""

import email
import email.policy
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import __version__
from harness.base import project
from harness.check.cell import Cell
from harness.check.check_request import CheckRequest
from harness.check.checked_program import CheckedKind, CheckedProgram
from harness.check.comparison import Comparison, PatchEffect, foremost_first
from harness.check.lane import Workload
from harness.check.reproduce import check_command, portable_command
from harness.check.second_runs import second_runs
from harness.check.symbolise import Symboliser
from harness.cli.output import CommandOutput
from harness.guest.shape import Shape
from harness.patch.patch import MailHead, Patch
from harness.patch.patch_base import PatchBase
from harness.report.check_mail import mail_text
from harness.report.check_report import check_lines
from harness.report.check_value import b4_value, check_value
from harness.run.programs import read_plan
from harness.scenario.scenario_parser import parse_scenario
from tests.check.fakes import REKMAP, checked


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KMAP_HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("patched", "status", "words"),
    [
        ("good2", "pass", "UNCHANGED"),
        ("uncounted", "fail", "NEWLY FAILING"),
        ("reordered", "warn", "BEHAVIOUR CHANGED"),
        ("broken", "fail", "does not build: mm/highmem.c:12:3: error"),
        ("dead-wire", "warn", "CANNOT JUDGE"),
    ],
)
def test_b4_reads_what_it_asks_for(tmp_path, patched, status, words):
    """The keys and the three statuses that ``_run_external_cmd`` of b4 0.15 reads."""
    (entry,) = json.loads(json.dumps(b4_value((checked(tmp_path, "good", patched),))))
    assert set(entry) == {"tool", "status", "summary", "details"}
    assert (entry["tool"], entry["status"]) == ("kmap-harness small", status)
    assert words in entry["summary"]


def test_a_base_that_does_not_build_is_not_the_patchs_fault(tmp_path):
    (entry,) = b4_value((checked(tmp_path, "broken", "good"),))
    assert entry["status"] == "warn"


def test_a_mail_is_a_reply_with_all_that_is_needed_to_see_it_again(tmp_path):
    result = replace(
        checked(tmp_path, "good", "uncounted"), mail=MailHead("1@x", "Dev <dev@example.org>")
    )
    mail = email.message_from_string(mail_text(result))
    assert (mail["In-Reply-To"], mail["To"], mail["Subject"]) == (
        "<1@x>",
        "Dev <dev@example.org>",
        "Re: mm: a change",
    )
    body = mail.get_payload()
    for words in (
        "NEWLY FAILING: own: breaks",
        "QEMU:\n  qemu",
        "own:6 step 2",
        "kmap-harness check --tree . ",
    ):
        assert words in body


def test_the_report_says_what_changed_and_shows_it(tmp_path):
    text = "\n".join(check_lines(checked(tmp_path, "good", "reordered")))
    assert "BEHAVIOUR CHANGED: in 1 programs; all of the contract is kept in them" in text
    assert "first: own:4 step 0: a: m0 = kmap h0: behaviour" in text


def test_json_has_every_program_and_is_plain(tmp_path):
    value = json.loads(json.dumps(check_value(checked(tmp_path, "good", "uncounted"))))
    assert (value["verdict"], value["exit_code"], value["counts"]) == (
        "newly failing",
        1,
        {"newly failing": 1},
    )
    (program,) = value["configs"][0]["programs"]
    assert (program["program"], program["tried"], program["confirmed"]) == ("own", 1, 1)


def test_an_address_that_cannot_be_told_stays_as_it_is(tmp_path):
    lines = ("EIP: kmap_high+0x4e/0x120", "no address")
    assert Symboliser(tmp_path).lines(lines) == lines


LONG = "a" * 30 + " " + "word " * 40
NAMES = [f"Reviewer Number {number} <reviewer{number}@lists.example.org>" for number in range(6)]
HEAD = MailHead("2@x", "Dév Eloper <dev@example.org>", (*NAMES, "Dev <dev@example.org>"), ("1@x",))


def mailed(tmp_path, patched, **changes):
    result = checked(tmp_path, "good", patched)
    configs = tuple(
        replace(
            one,
            patched=replace(
                one.patched, command=f"{tmp_path}/qemu -kernel {tmp_path}/vmlinux " * 9
            )
            if one.patched
            else None,
        )
        for one in result.configs
    )
    return mail_text(replace(result, mail=HEAD, configs=configs, **changes))


@pytest.mark.parametrize("patched", ["good2", "uncounted", "reordered", "broken", "warning"])
def test_a_mail_fits_every_reader_and_names_nothing_of_this_host(tmp_path, patched):
    text = mailed(tmp_path, patched, patches=(f"[PATCH] mm: {LONG}",))
    assert [line for line in text.splitlines() if len(line) > 78] == []
    assert str(tmp_path) not in text
    assert str(tmp_path.parent) not in text
    body = text.partition("\n\n")[2]
    above, marker, below = body.partition("\n---- the whole report ----\n")
    assert marker
    assert len(above.splitlines()) <= 25
    assert f"kmap-harness {__version__}" in " ".join(above.split())
    assert "kmap-harness check --tree . " in " ".join(above.split())
    assert "QEMU:" in below or patched == "broken"


def test_a_picture_is_as_narrow_as_its_cells(tmp_path):
    rows = [line for line in mailed(tmp_path, "uncounted").splitlines() if "0x163+NX" in line]
    assert rows[0] == "   >    1  3 h0 0x163+NX  1 h0 0x163+NX  2 h0 0x163+NX"


def test_a_mail_answers_all_and_stays_in_the_thread(tmp_path):
    mail = email.message_from_string(mailed(tmp_path, "uncounted"), policy=email.policy.default)
    assert str(mail["To"]) == "Dév Eloper <dev@example.org>"
    assert [str(one) for one in mail["Cc"].addresses] == NAMES
    assert mail["In-Reply-To"] == "<2@x>"
    assert mail["References"].split() == ["<1@x>", "<2@x>"]
    assert mail["Subject"] == "Re: mm: a change"


def test_a_word_that_no_line_can_hold_is_cut_for_smtp(tmp_path):
    text = mailed(tmp_path, "good2", base="x" * 3000)
    assert max(map(len, text.splitlines())) <= 998


def test_the_report_has_the_kernels_own_line(tmp_path):
    """It had mm/highmem.c:#, which tells two kernels apart, and no reader anything."""
    result = checked(tmp_path, "good", "warning")
    for text in ("\n".join(check_lines(result)), mailed(tmp_path, "warning")):
        assert "mm/highmem.c:5" in " ".join(text.split())
        assert "highmem.c:#" not in text


def compared(name, steps, *, confirmed=0, after=None):
    program = CheckedProgram(name, CheckedKind.CONTRACT, steps=steps)
    change = PatchEffect.NEWLY_FAILING
    return Comparison("c", name, change, None, program, confirmed=confirmed, after=after)


def test_the_shortest_program_that_fails_again_comes_first(tmp_path):
    found = (
        compared("unconfirmed", 2),
        compared("long", 900, confirmed=1),
        compared("short", 9, confirmed=1),
        compared("after", 5, after=True),
    )
    assert [one.program for one in foremost_first(found)] == [
        "after",
        "short",
        "long",
        "unconfirmed",
    ]
    result = checked(tmp_path, "good", "uncounted")
    result = replace(result, configs=(replace(result.configs[0], comparisons=found),))
    text = "\n".join(check_lines(result))
    assert text.index("FAILING: short") < text.index("FAILING: long")


def test_a_boot_that_fails_comes_before_what_it_may_have_spoilt():
    found = compared("short", 1, confirmed=1), compared("the boot", 0)
    assert [one.program for one in foremost_first(found)] == ["the boot", "short"]


def test_no_line_of_the_report_is_too_long_for_a_terminal(tmp_path, capsys):
    result = replace(checked(tmp_path, "good", "uncounted"), notes=(LONG,))
    CommandOutput().report(check_lines(result))
    words = capsys.readouterr().out
    assert [line for line in words.splitlines() if len(line) > 99 and " " in line.strip()] == []


def test_a_portable_command_fetches_the_mail_and_names_no_folder(tmp_path):
    ours, own = project.SCENARIOS / "pkmap-wait.kmap", tmp_path / "own.kmap"
    own.write_text(ours.read_text())
    workload = Workload(Shape(), read_plan([ours, own], 1, 0))
    patch = Patch("p", b"", mail=MailHead("2@x", ""))
    cell = Cell("pae", workload)
    request = CheckRequest(tmp_path, (patch,), (cell,), tmp_path)
    base = PatchBase("content", "words", revision="v6.1")
    assert portable_command(request, base, cell, "pkmap-wait") == (
        "b4 am -o - 2@x | kmap-harness check --tree . --base v6.1 --patch - --configs pae "
        "--scenario pkmap-wait"
    )
    request = replace(request, patches=(Patch(str(own), b""),))
    assert portable_command(
        request, base, replace(cell, config=str(tmp_path / "x.config")), "own"
    ) == (
        "kmap-harness check --tree . --base v6.1 --patch the.patch --configs x.config "
        "--scenario own.kmap"
    )


def test_the_shortest_failing_scenarios_run_again(tmp_path):
    names = [f"s{number}" for number in range(6)]
    scenarios = tuple(
        replace(parse_scenario(REKMAP), file=str(tmp_path / f"{name}.kmap")) for name in names
    )
    found = tuple(compared(name, 100 - number) for number, name in enumerate(names))
    again = []

    def confirm(scenario):
        again.append(Path(scenario.file).stem)
        return CheckedProgram("x", CheckedKind.CONTRACT)

    seen = tuple(second_runs(SimpleNamespace(confirm=confirm), scenarios, found))
    assert again == ["s3", "s4", "s5"]
    assert [one.confirmed for one in seen] == [0, 0, 0, 1, 1, 1]


def test_a_check_of_chosen_scenarios_is_repeated_with_the_same_choice(tmp_path):
    workload = Workload(Shape(), read_plan([project.SCENARIOS / "pkmap-wait.kmap"], 1, 0))
    cell = Cell("pae", workload)
    request = CheckRequest(
        tmp_path,
        (),
        (cell,),
        tmp_path,
        chosen=(("--scenario", str(tmp_path / "own.kmap")), ("-k", "pkmap")),
    )
    base = PatchBase("content", "words")
    chosen = f"--scenario {tmp_path}/own.kmap -k pkmap --seed 1 --steps 0"
    assert check_command(request, base, cell).endswith(chosen)
    assert "--scenario own.kmap -k pkmap" in portable_command(request, base, cell)
