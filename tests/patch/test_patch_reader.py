"""Patches from every place where they are kept."""

import io
from email.utils import parseaddr

import pytest

from harness.patch.patch import MailHead
from harness.patch.patch_reader import NoPatchError, mail_head, parse, read_patches

from .repository import diff, mail

ONE, TWO = diff("good", "first"), diff("first", "second")


def test_a_bare_diff(tmp_path):
    (tmp_path / "p.diff").write_text(ONE)
    (patch,) = read_patches([str(tmp_path / "p.diff")], io.BytesIO())
    assert (patch.diff.decode(), patch.title) == (ONE, str(tmp_path / "p.diff"))


def test_a_mailbox_is_put_in_the_order_of_its_series():
    """As lists deliver it: the cover letter, a reply, and the patches in any order."""
    box = (
        mail("[PATCH 0/2] mm: a series", "a diffstat", "0@x")
        + mail("[PATCH 2/2] mm: second", TWO, "2@x")
        + mail("Re: [PATCH 1/2] mm: first", "> looks good\n", "3@x")
        + mail("[PATCH 1/2] mm: first", ONE, "1@x")
    )
    first, second = read_patches(["-"], io.BytesIO(box.encode()))
    assert (first.subject, first.mail.message_id, first.mail.author) == (
        "[PATCH 1/2] mm: first",
        "1@x",
        "Dev <dev@example.org>",
    )
    assert second.mail.message_id == "2@x"
    assert "+first" in first.diff.decode()


def test_the_head_of_a_mail_has_what_a_reply_needs():
    head = (
        b"To: Andrew <akpm@example.org>,\n linux-mm@example.org\n"
        b"Cc: =?utf-8?q?J=C3=A9?= <j@x.org>\n"
        b"Cc: broken, <also broken>, \xff <k@x.org>, j@x.org\nMessage-ID: <2@x>\n"
        b"References: <0@x>\n <1@x>\n\nbody"
    )
    found = mail_head(head, "Dev <dev@example.org>")
    assert (found.message_id, found.author) == ("2@x", "Dev <dev@example.org>")
    assert found.references == ("0@x", "1@x")
    addresses = [parseaddr(one)[1] for one in found.recipients]
    assert addresses[:2] == ["akpm@example.org", "linux-mm@example.org"]
    assert {"j@x.org"} <= set(addresses)
    assert mail_head(b"") == MailHead("", "")
    assert mail_head(bytes(range(256)) * 9) is not None


def test_a_folder_by_name_and_by_its_series(tmp_path):
    for name, text in (("b.patch", ONE), ("a.patch", TWO), ("notes.txt", "x")):
        (tmp_path / name).write_text(text)
    assert [b"+second" in one.diff for one in read_patches([str(tmp_path)], io.BytesIO())] == [
        True,
        False,
    ]
    (tmp_path / "series").write_text("# order\nb.patch -p1\n\na.patch\n")
    for place in (tmp_path, tmp_path / "series"):
        assert [b"+second" in one.diff for one in read_patches([str(place)], io.BytesIO())] == [
            False,
            True,
        ]


@pytest.mark.parametrize(
    "text", [b"", b"no diff at all\n", mail("Re: hello", "just words", "4@x").encode()]
)
def test_what_is_no_patch_is_refused(text):
    with pytest.raises(NoPatchError, match="there is no patch in here"):
        parse(text, "here")


def test_a_name_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(NoPatchError, match="no such file"):
        read_patches([str(tmp_path / "absent")], io.BytesIO())


@pytest.mark.parametrize(
    ("head", "subject"),
    [
        ("mm/highmem: spelling\n\n", "mm/highmem: spelling"),
        ("mm: two lines\nof prose\n\n", "mm: two lines"),
        ("Description: from a package\nForwarded: no\n\n", "from a package"),
        ("", ""),
        ("diff --git a/kernel b/kernel\n", ""),
    ],
)
def test_a_bare_diff_is_called_by_its_first_line(head, subject):
    (found,) = parse(f"{head}{diff('good', 'bad')}".encode(), "file")
    assert found.subject == subject
    assert found.title == (subject or "file")
