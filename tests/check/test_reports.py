"""The reports of a check: for a terminal, for b4, as a mail and as JSON."""

import email
import json
from dataclasses import replace

import pytest

from harness.check.symbolise import Symboliser
from harness.report.check_mail import mail_text
from harness.report.check_report import check_lines
from harness.report.check_value import b4_value, check_value
from tests.check.fakes import checked


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
        checked(tmp_path, "good", "uncounted"), message_id="1@x", author="Dev <dev@example.org>"
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
        "QEMU:      qemu",
        "own:5 step 1",
        "kmap-harness check --tree",
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
