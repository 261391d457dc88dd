"""Reads patches from files, mailboxes, folders, quilt series and standard input.

``git mailsplit`` and ``git mailinfo`` parse the mails, with their encodings, MIME parts and
scissors.
"""

import email.policy
import email.utils
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import BinaryIO

from harness.errors import UsageError
from harness.patch.git import attempt, git
from harness.patch.patch import MailHead, Patch

_DIFF = re.compile(rb"^(?:diff --git |--- \S+.*\n\+\+\+ \S+)", re.MULTILINE)
_MAIL = re.compile(
    rb"\A(?:From [^\n]*\n|>From [^\n]*\n)?(?:[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)+\n"
)
_PART = re.compile(r"\[[^\]]*?\b(\d+)/(\d+)[^\]]*\]")
_DIGITS_MOST = 6
"""Digits of a patch's number in its series; a longer number is none."""
_ADDRESS = re.compile(r"[!-~]+@[!-~]+")
_ENDINGS = (".patch", ".diff", ".eml", ".mbox")
_MACHINERY = (
    "diff ",
    "--- ",
    "+++ ",
    "index ",
    "Index: ",
    "Only in ",
    "From ",
    "From: ",
    "commit ",
)
SERIES = "series"
"""The file of a quilt folder that lists its patches in their order."""


class NoPatchError(UsageError):
    """A place that the user names holds no patch."""

    def __init__(self, origin: str, what: str) -> None:
        super().__init__(
            f"there is no patch in {origin}: {what}",
            hint="give a diff, a mail, an mbox (b4 am -o - MSGID), a folder of patches, a series "
            "file, or - for stdin",
        )


def read_patches(names: Iterable[str], stdin: BinaryIO) -> tuple[Patch, ...]:
    """Read all patches of *names*, in the order in which they apply; ``-`` is *stdin*.

    Raises NoPatchError.
    """
    return tuple(patch for name in names for patch in _read(name, stdin))


def _read(name: str, stdin: BinaryIO) -> Iterator[Patch]:
    if name == "-":
        yield from parse(stdin.read(), "standard input")
        return
    path = Path(name)
    if not path.exists():
        raise NoPatchError(name, "there is no such file")
    for file in _files(path):
        if not file.is_file():
            raise NoPatchError(str(file), f"there is no such file, though {path} names it")
        yield from parse(file.read_bytes(), str(file))


def _files(path: Path) -> Iterator[Path]:
    """The files of a folder (in the order of its series file or by name), or of a series file."""
    if path.is_dir():
        if (path / SERIES).is_file():
            yield from _listed(path / SERIES)
            return
        found = sorted(one for one in path.iterdir() if one.suffix in _ENDINGS)
        if not found:
            raise NoPatchError(str(path), f"nothing in that folder ends in {', '.join(_ENDINGS)}")
        yield from found
    elif path.name == SERIES:
        yield from _listed(path)
    else:
        yield path


def _listed(series: Path) -> Iterator[Path]:
    for text in series.read_text(encoding="utf-8", errors="replace").splitlines():
        words = text.partition("#")[0].split()
        if words:
            yield series.parent / words[0]


def parse(text: bytes, origin: str) -> tuple[Patch, ...]:
    """The patches in *text*: a bare diff, one mail, or a mailbox of them.

    Mails without a diff (cover letters, replies) are skipped; mails with a number in the subject
    (``[PATCH 2/3]``) are sorted by it.  Raises NoPatchError.
    """
    if _MAIL.match(text):
        found = sorted(_mails(text, origin), key=_number)
    else:
        found = [Patch(origin, text)] if _DIFF.search(text) else []
    if not found:
        raise NoPatchError(origin, "nothing in it is a diff" if text.strip() else "it is empty")
    if len(found) == 1 and not found[0].subject:
        return (replace(found[0], subject=_heading(text)),)
    return tuple(found)


def _heading(text: bytes) -> str:
    """The line of text above a bare diff, or an empty text."""
    first = text.lstrip().partition(b"\n")[0].decode(errors="replace").strip()
    return "" if first.startswith(_MACHINERY) else first.removeprefix("Description: ")


def _number(patch: Patch) -> int:
    found = _PART.search(patch.subject)
    return int(found[1]) if found and len(found[1]) <= _DIGITS_MOST else 0


def _mails(text: bytes, origin: str) -> Iterator[Patch]:
    with tempfile.TemporaryDirectory(prefix="kmap-harness-mail-") as name:
        folder = Path(name)
        git(folder, "mailsplit", "-b", f"-o{folder}", text=text)
        mails = sorted(one for one in folder.iterdir() if one.name.isdigit())
        for number, mail in enumerate(mails, 1):
            where = origin if len(mails) == 1 else f"{origin}, mail {number}"
            yield from _mail(mail, where)


def _mail(mail: Path, origin: str) -> Iterator[Patch]:
    message, diff = mail.with_suffix(".message"), mail.with_suffix(".diff")
    content = mail.read_bytes()
    done = attempt(
        mail.parent, "mailinfo", "-k", "--encoding=UTF-8", str(message), str(diff), text=content
    )
    body = diff.read_bytes() if diff.is_file() else b""
    if done.returncode or not _DIFF.search(body):
        return
    said = dict(
        found.split(": ", 1)
        for found in done.stdout.decode(errors="replace").splitlines()
        if ": " in found
    )
    author = f"{said.get('Author', '')} <{said.get('Email', '')}>" if "Author" in said else ""
    yield Patch(origin, body, said.get("Subject", ""), mail_head(content, author))


def mail_head(mail: bytes, author: str = "") -> MailHead:
    """The head of *mail*; its sender is the author, unless *author* is known from elsewhere."""
    read = BytesHeaderParser(policy=email.policy.compat32).parsebytes(mail)
    fields = [str(one) for name in ("To", "Cc") for one in read.get_all(name, ())]
    recipients = (
        email.utils.formataddr(one)
        for one in email.utils.getaddresses(fields)
        if _ADDRESS.fullmatch(one[1])
    )
    own = _ids(read, "Message-ID")
    return MailHead(
        message_id=own[0] if own else "",
        author=author,
        recipients=tuple(dict.fromkeys(recipients)),
        references=_ids(read, "References") or _ids(read, "In-Reply-To"),
    )


def _ids(head: Message, name: str) -> tuple[str, ...]:
    """The Message-IDs in a field, without their brackets."""
    return tuple(re.findall(r"<([!-;=?-~]+)>", str(head.get(name, ""))))
