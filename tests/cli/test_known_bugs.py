"""``--known-bugs`` as a user sees it: the divergence shown, exit 1; a mistake in the file,
exit 2.
"""

import pytest

from harness.trace.trace_file import TraceWriter
from harness.trace.trace_records import Begin, End, Header
from tests.compare.model_guest import FULL, LOCAL, ModelGuest, program

TEXT = """tasks: a@0
pages: high 1
a: m0 = kmap_local_page h0
a: kmap_to_page m0
a: kunmap_local m0
"""
ENDED = '[[bug]]\nid = "kmap_to_page-slot0"\nversions = ["6.0", "6.0"]\n'


@pytest.fixture
def traced(tmp_path):
    """Writes the trace of a run that shows the bug, on a kernel of the release asked for."""

    def trace(release):
        guest = ModelGuest(LOCAL, program(TEXT))
        path = tmp_path / f"{release}.trace"
        steps = list(guest.steps())
        header = Header(release, "", "", LOCAL, FULL, 0, config_symbols=("CONFIG_SMP",))
        with TraceWriter(path, header) as writer:
            for record in (
                Begin(guest.program, guest.machine.pages, guest.start),
                *steps,
                End(len(steps)),
            ):
                writer.write(record)
        return path

    return trace


def test_a_known_bug_is_counted_and_said_in_plain_words(harness, traced):
    answer = harness("diff", traced("6.1.176"))
    assert answer.code == 0, answer.out + answer.err
    said = " ".join(answer.out.split())
    assert "kmap_to_page-slot0, seen once: kmap_to_page() takes the first kmap_local slot" in said


def test_an_entry_that_ends_before_the_kernel_makes_the_bug_a_divergence(harness, traced):
    listed = harness.place / "bugs.toml"
    listed.write_text(ENDED)
    answer = harness("diff", traced("6.1.176"), "--known-bugs", listed)
    assert answer.code == 1
    assert "1 of the contract" in answer.out
    assert "it is listed for 6.0 to 6.0, and this kernel is 6.1.176" in answer.out
    listed.write_text(ENDED.replace('"6.0"]', '"6.1"]'))
    assert harness("diff", traced("6.1.176"), "--known-bugs", listed).code == 0
    listed.write_text(ENDED.replace('"6.0"]', '"6.1"]') + "until = 2001-01-01\n")
    assert harness("diff", traced("6.1.176"), "--known-bugs", listed).code == 1


def test_on_a_later_release_our_own_entry_has_expired(harness, traced):
    answer = harness("diff", traced("9.9.0"))
    assert answer.code == 1
    assert "it is listed for 6.1 to 7.3, and this kernel is 9.9.0" in answer.out


@pytest.mark.parametrize("command", ["run", "check", "nightly", "diff"])
def test_a_mistake_in_the_list_is_wrong_use(harness, traced, command):
    listed = harness.place / "bugs.toml"
    listed.write_text(ENDED.replace("6.0", "new"))
    arguments = [traced("6.1.176")] if command == "diff" else []
    if command == "check":
        patch = harness.place / "own.patch"
        patch.write_text("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
        arguments = ["--patch", patch]
    answer = harness(command, *arguments, "--known-bugs", listed)
    assert answer.code == 2, answer.out + answer.err
    assert "bugs.toml: entry 1 (kmap_to_page-slot0): versions: 'new' is no kernel release" in (
        answer.err
    )
    assert "Traceback" not in answer.err
