"""Expressions and operands of a scenario as C, and as the words of the scenario again."""

from collections.abc import Mapping
from typing import Final

from harness.model.records.operation import Base, Prot
from harness.model.records.page import PageKind
from harness.scenario.expression import ZERO, Binary, Expression, Name, Number
from harness.scenario.syntax import Address, PageRef
from harness.scenario.vocabulary import LETTER_OF_KIND

NUMBERS: Final[Mapping[str, str]] = {
    "N": "LAST_PKMAP",
    "M": "HM_WINDOW",
    "DEPTH": "HM_DEPTH",
    "STRIDE": "HM_STRIDE",
    "CPUS": "(int)num_online_cpus()",
    "NR_CPUS": "NR_CPUS",
    "FIX_KMAP_BEGIN": "FIX_KMAP_BEGIN",
    "FIX_KMAP_END": "FIX_KMAP_END",
}
"""The numbers of a guest that C has a word for."""

PROTECTIONS: Final[Mapping[Prot, str]] = {
    Prot.KERNEL: "PAGE_KERNEL",
    Prot.RO: "PAGE_KERNEL_RO",
    Prot.NOCACHE: "PAGE_KERNEL_NOCACHE",
    Prot.WC: "pgprot_writecombine(PAGE_KERNEL)",
    Prot.EXEC: "PAGE_KERNEL_EXEC",
}
KINDS: Final[Mapping[PageKind, str]] = {
    PageKind.HIGH: "high",
    PageKind.LOW: "low",
    PageKind.COLLIDING: "colliding",
    PageKind.FOLIO: "folio",
}
_SUMS: Final = ("+", "-")
_LARGE: Final = 10


def c_number(expression: Expression) -> str:
    """*expression* in C, in parentheses where it is not one word."""
    text = c_expression(expression)
    return f"({text})" if isinstance(expression, Binary) else text


def c_expression(expression: Expression) -> str:
    """*expression* in C."""
    if isinstance(expression, Number):
        return str(expression.value) if expression.value < _LARGE else f"{expression.value:#x}"
    if isinstance(expression, Name):
        return NUMBERS.get(expression.name, expression.name)
    right = _side(expression, expression.right)
    if expression.left == ZERO:
        return right if expression.operator == "+" else f"-{right}"
    return f"{_side(expression, expression.left)} {expression.operator} {right}"


def _side(whole: Binary, side: Expression) -> str:
    """One side of *whole*, in parentheses unless it is one word or the sum that goes on."""
    sums = whole.operator in _SUMS
    plain = not isinstance(side, Binary) or (
        sums and (side is whole.left or side.operator not in _SUMS)
    )
    return c_expression(side) if plain else f"({c_expression(side)})"


def words(expression: Expression) -> str:
    """*expression* as a scenario has it."""
    if isinstance(expression, Number):
        return str(expression.value) if expression.value < _LARGE else f"{expression.value:#x}"
    if isinstance(expression, Name):
        return expression.name
    left = "" if expression.left == ZERO else words(expression.left)
    text = left + expression.operator
    tight = isinstance(expression.right, Binary)
    return text + (f"({words(expression.right)})" if tight else words(expression.right))


def c_page(page: PageRef) -> str:
    """The C expression for a page."""
    return f"hm_{KINDS[page.kind]}(hm, {c_expression(page.index)})"


def page_words(page: PageRef) -> str:
    """A page as a scenario has it."""
    return f"{LETTER_OF_KIND[page.kind]}{_index(page.index)}"


def register_words(register: Expression) -> str:
    """A register as a scenario has it."""
    return f"m{_index(register)}"


def _index(index: Expression) -> str:
    return str(index.value) if isinstance(index, Number) else f"[{words(index)}]"


def c_address(address: Address) -> list[str]:
    """The members of ``struct hm_op`` that stand for an address."""
    offset = [] if address.offset == ZERO else [f".offset = {c_expression(address.offset)}"]
    if address.base is Base.REG:
        return [".is_register = true", f".reg = {c_expression(address.index)}", *offset]
    if address.page is not None:
        page = c_page(address.page)
        return [f".page = {page}", f".addr = hm_direct({page})", *offset]
    if address.base is Base.ABSOLUTE:
        return [f".addr = (char *){c_number(address.offset)}UL"]
    where = "hm_fixmap" if address.base is Base.FIXMAP else "hm_pkmap"
    return [f".addr = {where}({c_expression(address.index)})", *offset]


def address_words(address: Address) -> str:
    """An address as a scenario has it."""
    if address.base is Base.ABSOLUTE:
        return f"absolute({words(address.offset)})"
    if address.base is Base.REG:
        base = register_words(address.index)
    elif address.page is not None:
        base = f"direct({page_words(address.page)})"
    else:
        base = f"{address.base.name.lower()}({words(address.index)})"
    return base + _offset_words(address.offset)


def _offset_words(offset: Expression) -> str:
    if offset == ZERO:
        return ""
    text = words(offset)
    return text if text[0] in "+-" else f"+{text}"


def names_in(expression: Expression) -> frozenset[str]:
    """The names that *expression* uses."""
    if isinstance(expression, Name):
        return frozenset((expression.name,))
    if isinstance(expression, Binary):
        return names_in(expression.left) | names_in(expression.right)
    return frozenset()
