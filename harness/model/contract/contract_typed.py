"""The contract of windows with one entry for each type and CPU.

The typed generation has such windows, and so has the module (its typed window).
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records.km_type import slot, typed_entry
from harness.model.records.layout import PAGE_MASK, TYPED_FIRST, Generation, same_translation
from harness.model.records.observation import Status
from harness.model.records.operation import (
    ATOMIC_MAPS,
    PFN_MAPS,
    TYPED_OPERATIONS,
    UNMAPPING,
    OpCode,
)

_MAPS = ATOMIC_MAPS | {OpCode.TYPED_MAP}
_UNMAPS = UNMAPPING - {OpCode.KUNMAP}


def _concerned(v: View) -> bool:
    """Tell whether it is a type that names the entry, if the operation has one."""
    return v.op.code in TYPED_OPERATIONS or v.machine.layout.generation is Generation.TYPED


def _entry(v: View) -> int:
    """The entry of the type that the operation names, on its CPU."""
    layout = v.machine.layout
    if v.op.code in TYPED_OPERATIONS:
        return typed_entry(v.op.value, v.seen.cpu, layout.online_cpus)
    return layout.window_index(v.seen.cpu, slot(v.op.value, debug=layout.debug_highmem))


def _maps(v: View) -> bool:
    """Tell whether a highmem page was mapped; the pfn form maps any page."""
    done = v.done and v.op.code in _MAPS
    return done and (v.machine.pages[v.op.page].highmem or v.op.code in PFN_MAPS)


def _unmaps(v: View) -> bool:
    return v.done and v.op.code in _UNMAPS


def _right_type(v: View) -> bool:
    """Tell whether the address unmapped is that of the type named."""
    return v.machine.layout.fixaddr(_entry(v)) == v.operand & PAGE_MASK


def place(v: View) -> Iterator[Violation]:
    """A mapping lies on the entry of its type, shows its page, and was not in use unless by pfn.

    Any correct kernel of this generation, because the caller chose the entry by its type, and
    whoever uses another type on this CPU, an interrupt above all, relies on its own.
    """
    if not _concerned(v) or not _maps(v):
        return
    layout, entry = v.machine.layout, _entry(v)
    if v.seen.value != layout.fixaddr(entry):
        yield Violation(
            "typed-place", f"{v.seen.value:#x} is not the address of type {v.op.value}"
        )
    if entry in v.before.windows and v.op.code not in PFN_MAPS:
        yield Violation("typed-in-use", f"type {v.op.value} was in use on CPU {v.seen.cpu}")
    want = v.machine.pte(v.op.page, v.op.prot)
    if not same_translation(v.after.windows.get(entry, 0), want):
        yield Violation("typed-pte", f"type {v.op.value} does not map page {v.op.page}")


def _of_types(v: View, index: int) -> bool:
    """Tell whether the entry is one of the window that the operation uses.

    A task that comes back to its CPU brings its local mappings with it, whatever it does then.
    """
    return v.op.code not in TYPED_OPERATIONS or index >= TYPED_FIRST


def unmapped(v: View) -> Iterator[Violation]:
    """Unmapped with its type an entry is none; with another one it stays, and so does every other.

    Any correct kernel of this generation, because the next user of the type finds a BUG where an
    entry is left, and the users of other types are still at work.
    """
    if not _concerned(v) or not _unmaps(v):
        return
    right = _right_type(v)
    if right and _entry(v) in v.after.windows:
        yield Violation("typed-mapped", f"type {v.op.value} is still mapped after its unmap")
    for change in v.seen.windows:
        if _of_types(v, change.index) and (not right or change.index != _entry(v)):
            yield Violation(
                "typed-other", f"entry {change.index} changed by an unmap of type {v.op.value}"
            )


def bug(v: View) -> Iterator[Violation]:
    """In its window the module reports a type in use as a BUG, and nothing else is one.

    Any correct kernel of this generation, because two users of one entry write into each
    other's pages.
    """
    if v.op.code not in TYPED_OPERATIONS or v.seen.status is not Status.BUG:
        return
    if v.op.code == OpCode.TYPED_UNMAP or _entry(v) not in v.before.windows:
        yield Violation("typed-bug", f"type {v.op.value} was free, yet its use is a BUG")


RULES = (place, unmapped, bug)
