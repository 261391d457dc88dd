"""The bytes of a page, which a state keeps as words by offset; a word that is not there is 0."""

from collections.abc import Mapping
from struct import Struct

from harness.model.records.layout import PAGE_SIZE

_WORD = Struct("<I")
_PAGE = Struct(f"<{PAGE_SIZE // _WORD.size}I")


def contents(words: Mapping[int, int]) -> bytearray:
    """All bytes of a page that holds *words*."""
    page = bytearray(PAGE_SIZE)
    for offset, word in words.items():
        _WORD.pack_into(page, offset, word)
    return page


def words_of(page: bytearray) -> dict[int, int]:
    """The words of a page that are not 0, by their offset."""
    pairs = enumerate(_PAGE.unpack(page))
    return {number * _WORD.size: word for number, word in pairs if word}
