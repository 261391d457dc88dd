"""Lists of known bugs as files: what a user may write, and what is said of a mistake."""

from datetime import date

import pytest

from harness.compare.known_bugs_file import load_known_bugs, our_known_bugs
from harness.errors import UsageError
from harness.model.records.layout import Generation

TODAY = date(2026, 12, 1)
ENTRY = '[[bug]]\nid = "kmap_to_page-slot0"\nversions = ["6.1", "6.12"]\n'


@pytest.fixture
def listed(tmp_path):
    """Reads a list with this text."""

    def load(text, today=TODAY):
        path = tmp_path / "bugs.toml"
        path.write_text(text, encoding="utf-8")
        return load_known_bugs(path, today)

    return load


def test_without_a_file_the_list_is_ours():
    assert load_known_bugs(None, TODAY) == our_known_bugs()


def test_an_entry_takes_the_place_of_ours_and_inherits_what_it_leaves_out(listed):
    ours = {bug.id: bug for bug in our_known_bugs().entries}["kmap_to_page-slot0"]
    found = [bug for bug in listed(ENTRY).entries if bug.id == ours.id]
    assert [(bug.last, bug.generation, bug.config) for bug in found] == [((6, 12), None, ())]
    assert (found[0].what, found[0].fields) == (ours.what, ours.fields)
    kept = [bug for bug in listed(ENTRY).entries if bug.id != ours.id]
    assert kept == [bug for bug in our_known_bugs().entries if bug.id != ours.id]


def test_every_key_is_read(listed):
    text = ENTRY + (
        'what = "w"\ngeneration = "local"\nconfig = ["CONFIG_SMP"]\nseen = "s"\n'
        'fields = ["value"]\nreference = "r"\nuntil = 2026-12-31\nlink = "https://example.org"\n'
    )
    bug = listed(text).entries[0]
    assert (bug.what, bug.generation, bug.config) == ("w", Generation.LOCAL, ("CONFIG_SMP",))
    assert (bug.until, bug.link, bug.lapsed) == (date(2026, 12, 31), "https://example.org", False)
    assert listed(text).descriptions[bug.id] == "w (in 6.1 to 6.12; https://example.org)"


def test_an_entry_counts_through_its_last_day(listed):
    text = ENTRY + 'until = "2026-12-01"\n'
    assert [listed(text, day).entries[0].lapsed for day in (TODAY, date(2026, 12, 2))] == [
        False,
        True,
    ]


def test_what_can_change_a_verdict_changes_the_identity(listed):
    texts = [ENTRY, "", ENTRY + "until = 2026-12-31\n", ENTRY + "until = 2026-11-30\n"]
    identities = [listed(text).identity() for text in texts]
    assert len(set(identities)) == len(texts)
    assert listed("").identity() == our_known_bugs().identity()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not TOML", ["is not a TOML file"]),
        ("[[bugs]]\nid = 1\n", ["bugs: unknown key"]),
        ("bug = 3\n", ["bug: not a list"]),
        ('[[bug]]\nversions = ["6.1", "6.2"]\n', ["entry 1: id: is missing"]),
        (ENTRY + ENTRY.replace("slot0", "slot9"), ["entry 2 (kmap_to_page-slot9): id: no bug"]),
        (ENTRY + "when = 1\n", ["entry 1 (kmap_to_page-slot0): when: unknown key"]),
        (ENTRY + "what = 3\n", ["what: 3 is not a text"]),
        (ENTRY.replace('"6.12"]', "]"), ["versions: two releases"]),
        (ENTRY.replace('"6.1", "6.12"', "6.1, 6.12"), ["versions:", "not a list of texts"]),
        (ENTRY.replace("6.12", "new"), ["versions: 'new' is no kernel release"]),
        (ENTRY.replace("6.12", "5.9"), ["versions: the first release is after the last"]),
        (ENTRY + 'generation = "new"\n', ["generation: 'new' is no generation"]),
        (ENTRY + 'config = "any"\n', ["config: 'any' is not a list"]),
        (ENTRY + 'config = ["SMP"]\n', ["config: 'SMP' is no configuration symbol"]),
        (ENTRY + 'fields = ["colour"]\n', ["fields: colour is no field"]),
        (ENTRY + "fields = []\n", ["fields: nothing is no field"]),
        (ENTRY + 'until = "soon"\n', ["until: soon is no date"]),
        (ENTRY + "until = 2026-12-31T10:00:00\n", ["until:", "is no date"]),
    ],
)
def test_a_mistake_is_named_with_file_entry_and_key(listed, text, words):
    with pytest.raises(UsageError) as found:
        listed(text)
    assert "bugs.toml" in str(found.value)
    assert all(word in str(found.value) for word in words), str(found.value)
    assert found.value.hint


def test_a_file_that_cannot_be_read_is_a_user_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_known_bugs(tmp_path, TODAY)


MESSAGE = """[[bug]]
id = "early-ioremap"
what = "the boot warns of an early mapping that nobody takes away"
versions = ["6.1", "6.1"]
message = "mm/early_ioremap.c"
"""


def test_a_message_of_the_boot_may_be_a_bug_that_we_do_not_know(listed):
    bug = listed(MESSAGE).entries[0]
    assert (bug.id, bug.message, bug.fields) == ("early-ioremap", "mm/early_ioremap.c", ())
    with pytest.raises(UsageError, match="no bug 'early-ioremap' is known"):
        listed(MESSAGE.replace("message", "link"))
