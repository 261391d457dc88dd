"""Long lines of reports, folded so that each fits on a screen or in a mail."""

import re
from collections.abc import Iterable, Iterator
from textwrap import TextWrapper

WIDTH = 99
_LABEL = re.compile(r"[a-z][a-z ]{10} (?=\S)")
"""A label of a report: the continuation stands below the text behind it."""


_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+""")
"""A word of a shell's command line, with its quotes."""


def folded(line: str, width: int = WIDTH) -> Iterator[str]:
    """*line* in lines of at most *width* columns, broken at blanks; words stay whole."""
    if len(line) <= width:
        yield line
        return
    label = _LABEL.match(line)
    start = len(label[0]) if label else len(line) - len(line.lstrip()) + 2
    wrapper = TextWrapper(
        width,
        subsequent_indent=" " * start,
        break_long_words=False,
        break_on_hyphens=False,
        expand_tabs=False,
        replace_whitespace=False,
    )
    yield from wrapper.wrap(line)


def folded_all(lines: Iterable[str], width: int = WIDTH) -> Iterator[str]:
    """Every line of *lines*, folded; one that holds line ends is several."""
    for text in lines:
        for line in text.split("\n"):
            yield from folded(line, width)


def folded_command(command: str, indent: str = "    ", width: int = WIDTH) -> Iterator[str]:
    r"""A command line in lines that can be pasted: all but the last end in ``\``.

    Only blanks between words are broken; a quoted word with blanks stays whole.
    """
    line = indent
    for word in _WORD.findall(command):
        if line.strip() and len(line) + 1 + len(word) > width - 2:
            yield f"{line} \\"
            line = f"{indent}  "
        line = f"{line} {word}" if line.strip() else f"{line}{word}"
    yield line
