"""Files of users and of the project, and words of machines: patches, TOML, JSON, shapes."""

import json
import tomllib
from datetime import date

import pytest
from hypothesis import strategies as st

from harness.base import project
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import HarnessError
from harness.guest.shape import Shape
from harness.guest.shape_words import SHAPE_WORDS, describe_shape, parse_shape
from harness.guest.ssh import guest_state as states
from harness.guest.ssh.guest_recipe import read_guest_recipe
from harness.kernel.build_recipe import recipes
from harness.misuse import misuse_case
from harness.mutants import mutant_catalogue
from harness.nightly.matrix import OURS, read_matrix
from harness.patch import patch_reader

from .fuzzing import NUMBERS, clean, fuzz, json_values, mutated

# -- patches

DIFF = b"""\
--- a/mm/highmem.c
+++ b/mm/highmem.c
@@ -1,3 +1,3 @@
 int a;
-int b;
+int c;
 int d;
"""
MAIL = (
    b"""\
From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
From: =?UTF-8?q?A_Person?= <a@example.org>
To: "List, the" <linux-mm@example.org>, b@example.org
Cc: c@example.org
Message-ID: <1@example.org>
In-Reply-To: <0@example.org>
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: 8bit
Date: Mon, 30 Nov 2026 12:00:00 +0000
Subject: [PATCH v2 2/3] mm: change b

Why.
---
"""
    + DIFF
)
MULTIPART = MAIL.replace(b"text/plain; charset=UTF-8", b"multipart/mixed; boundary=x").replace(
    b"Why.", b"--x\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nV2h5Lg==\n--x--"
)
WORDS = [
    b"[PATCH " + b"9" * 5000 + b"/9]", b"Content-Transfer-Encoding: base64\n", b"\r\n", b"\0",
    b"Subject: =?x?q?=\n", b"To: <<@>\n", b"Message-ID: <>\n", b"From \n", b"=?utf-8?b?//8?=",
]  # fmt: skip


def test_patches():
    def check(content):
        error = clean(lambda: patch_reader.parse(content, "a file"))
        if error:
            assert "a file" in error.message

    known = st.sampled_from((DIFF, MAIL, MULTIPART, MAIL + b"\n" + MAIL))
    fuzz(check, mutated(known, st.sampled_from(WORDS)) | st.binary(), examples=15)


def test_heads_of_mails():
    def check(content):
        head = patch_reader.mail_head(content)
        assert all("@" in one for one in head.recipients)

    fuzz(check, mutated(st.sampled_from((MAIL, MULTIPART)), st.sampled_from(WORDS)) | st.binary())


# -- TOML

BUGS = """[[bug]]
id = "kmap_to_page-slot0"
versions = ["6.1", "6.12"]
until = 2027-01-31
link = "https://example.org/thread"
"""
TOML_WORDS = [
    '"x"', "1", "-1", "1.5", "true", "[]", "{}", "[[1]]", "2027-01-31", "[x]\n", "[[bug]]\n",
    "= ", '"6.1"', "''", '"""', "inf", "07:32:00", "id = 3\n", "a.b = 1\n", "9" * 5000,
]  # fmt: skip
READERS = {
    "known bugs": (
        lambda path: load_known_bugs(path, date(2026, 11, 30)),
        [BUGS, (project.ROOT / "harness/compare/known_bugs.toml").read_text()],
    ),
    "kernels": (
        lambda path: recipes(path, project.KERNEL_FRAGMENTS),
        [(project.ROOT / "images/kernels.toml").read_text()],
    ),
    "packages": (
        lambda path: read_guest_recipe(path.parent),
        [(project.SSH_RECIPE / "packages.toml").read_text()],
    ),
    "matrix": (read_matrix, [OURS.read_text()]),
    "broken rules": (misuse_case.read_cases, [misuse_case.EXPECTED.read_text()]),
    "mutants": (
        lambda path: mutant_catalogue.read_catalogue(path.parent),
        [(project.MUTANTS / mutant_catalogue.CATALOGUE).read_text()],
    ),
}


def is_toml(text):
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize("name", READERS)
def test_toml_files(tmp_path, name):
    read, texts = READERS[name]
    path = tmp_path / {"mutants": mutant_catalogue.CATALOGUE}.get(name, "packages.toml")
    for folder in (one for one in project.MUTANTS.iterdir() if one.is_dir()):
        (tmp_path / folder.name).symlink_to(folder)

    def check(text):
        path.write_bytes(text.encode(errors="surrogatepass"))
        error = clean(lambda: read(path))
        if error:
            assert str(tmp_path) in error.message or name == "mutants", error.message
        elif not is_toml(text):
            raise AssertionError(f"taken, and no TOML: {text!r}")

    fuzz(check, mutated(st.sampled_from(texts), st.sampled_from(TOML_WORDS)) | st.text())


# -- JSON


def test_state_files_of_guests(tmp_path):
    path = tmp_path / states.FILE

    def check(value):
        path.write_text(json.dumps(value) if not isinstance(value, str) else value)
        found = states.load(tmp_path)
        assert found is None or found.alive() in (True, False)

    names = st.sampled_from([*states.GuestState.__slots__, "x"])
    known = st.dictionaries(names, json_values())
    fuzz(check, known | json_values() | st.just("[" * 5000))


# -- machines


def test_shapes():
    words = [part.strip().split("=")[0] for part in SHAPE_WORDS.split(",")]
    values = st.one_of(
        NUMBERS.map(lambda value: f"{value:#x}" if abs(value) > 1 << 70 else str(value)),
        st.sampled_from(("auto", "poll", "full", "virtio", "kvm", "tcg", "\u0664", "1_0", "")),
        st.text(max_size=6),
    )
    word = st.tuples(
        st.sampled_from(words) | st.text(max_size=4), st.sampled_from(("=", "")), values
    )

    def check(text):
        try:
            shape = parse_shape(text)
        except HarnessError:
            assert clean(lambda: parse_shape(text))
            return
        assert isinstance(shape, Shape)
        assert describe_shape(shape)
        assert all(argument.isascii() and " " not in argument for argument in shape.extra)

    fuzz(check, st.lists(word.map("".join), max_size=5).map(",".join) | st.text())
