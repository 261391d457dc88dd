"""Inputs that the tests in tests/fuzz have found: each was an internal error."""

import struct
from datetime import date

import pytest

from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import UsageError
from harness.guest.failure import WireError
from harness.guest.info_wire import decode_info
from harness.guest.protocol import INFO, PAGE, VERSION, decode_pages
from harness.guest.ssh import guest_state
from harness.kernel.build_recipe import recipes
from harness.misuse.misuse_case import read_cases
from harness.nightly.matrix import read_matrix
from harness.patch.patch_reader import parse

DEEP = "[" * 5000
DIFF = b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.mark.parametrize("text", [DEEP, f"a = {DEEP}", "[series.a]\nb = 1\n[kernel]\n"])
def test_a_catalogue_of_kernels(tmp_path, text):
    path = tmp_path / "kernels.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"kernels\.toml") as raised:
        recipes(path, tmp_path)
    assert raised.value.hint


def test_a_list_of_known_bugs(tmp_path):
    path = tmp_path / "bugs.toml"
    path.write_text(f"bug = {DEEP}")
    with pytest.raises(UsageError, match=r"bugs\.toml is not a TOML file"):
        load_known_bugs(path, date(2026, 1, 1))


def test_a_matrix_of_nights(tmp_path):
    path = tmp_path / "matrix.toml"
    path.write_text(f"set = {DEEP}")
    with pytest.raises(UsageError, match="is not TOML"):
        read_matrix(path)


def test_the_state_of_a_guest(tmp_path):
    (tmp_path / guest_state.FILE).write_text(DEEP)
    assert guest_state.load(tmp_path) is None


def test_a_module_of_an_unknown_generation():
    words = [VERSION, 7, *[0] * ((INFO.size - 128) // 4 - 2)]
    content = struct.pack(f"<{len(words)}I", *words) + b"\0" * 128
    with pytest.raises(WireError, match="the module names generation 7"):
        decode_info(memoryview(content))


def test_a_page_of_no_kind():
    with pytest.raises(WireError, match="a page of no kind"):
        decode_pages(memoryview(PAGE.pack(1, 0, 0, 99, 0)))


def test_a_patch_whose_number_has_thousands_of_digits():
    head = b"From: A <a@example.org>\nSubject: [PATCH " + b"9" * 5000 + b"/9] b\n\nWhy.\n---\n"
    assert len(parse(head + DIFF, "a mail")) == 1


def test_a_condition_in_the_table_of_broken_rules(tmp_path):
    path = tmp_path / "expected.toml"
    path.write_text(
        '[[case]]\nid = "x"\nrule = "r"\nscenario = "s"\n'
        '[[case.expect]]\nwhen = "(smp"\nsays = []\nsource = "s"\n'
    )
    with pytest.raises(UsageError, match=r"expected\.toml, case x:.*expected a fact of the guest"):
        read_cases(path)
