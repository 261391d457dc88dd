"""The head of a mail that replies to a patch: to everybody, and into its thread."""

import email.utils
from collections.abc import Iterator
from email.header import Header

from harness.patch.patch import MailHead

_WIDTH = 78
_ASCII, _UTF8 = "us-ascii", "utf-8"


def reply_head(subject: str, mail: MailHead | None) -> Iterator[str]:
    """The lines of the head; without *mail* the sender adds the addresses."""
    if mail:
        yield from _recipients(mail)
    yield from _field("Subject", f"Re: {' '.join(subject.split()).removeprefix('Re: ')}")
    yield f"Date: {email.utils.formatdate(localtime=True)}"
    if mail and mail.message_id:
        yield f"In-Reply-To: <{mail.message_id}>"
        thread = (*mail.references, mail.message_id)
        yield from _list("References", [f"<{one}>" for one in dict.fromkeys(thread)], "")
    yield "MIME-Version: 1.0"
    yield "Content-Type: text/plain; charset=UTF-8"
    yield "Content-Transfer-Encoding: 8bit"


def _recipients(mail: MailHead) -> Iterator[str]:
    """The author; and in copy all who got the patch, but nobody twice."""
    if mail.author:
        yield from _list("To", [_address(mail.author)], ",")
    author = email.utils.parseaddr(mail.author)[1]
    copies = [one for one in mail.recipients if email.utils.parseaddr(one)[1] != author]
    yield from _list("Cc" if mail.author else "To", copies, ",")


def _address(text: str) -> str:
    """An address whose name may have any letters, as a head has it."""
    name, address = email.utils.parseaddr(text)
    return email.utils.formataddr((name, address)) if address.isascii() else text


def _field(name: str, text: str) -> Iterator[str]:
    charset = _ASCII if text.isascii() else _UTF8
    folded = Header(text, charset, maxlinelen=_WIDTH, header_name=name).encode()
    yield from f"{name}: {folded}".split("\n")


def _list(name: str, items: list[str], comma: str) -> Iterator[str]:
    """A field with many items, as many in a line as fit; every further line is indented."""
    line = f"{name}:"
    for number, item in enumerate(items, 1):
        word = f" {item}{comma if number < len(items) else ''}"
        if len(line) + len(word) > _WIDTH and not line.endswith(":"):
            yield line
            line = ""
        line += word
    if items:
        yield line
