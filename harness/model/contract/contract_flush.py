"""The contract of TLBs: no CPU may use a translation that the page table no longer has.

Which function flushes, how often, and how much it covers is behaviour.  The module watches every
instruction that drops translations (kmod/stale.c) and reports the entries that some CPU may still
translate by an old PTE.  pkmap is for every CPU; an entry of a window for the CPU that maps there.
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records.attribute import found_words
from harness.model.records.operation import OpCode


def _by_hand(v: View) -> bool:
    """Tell whether the caller has left old translations itself: by hand, or out of order."""
    if v.before.tampered or v.after.tampered:
        return True
    return v.machine.misused(v.before.stale, v.after.stale)


def reused(v: View) -> Iterator[Violation]:
    """An address maps another page only after every CPU that may use it has dropped the old one.

    Any correct kernel, because that CPU would read and write the wrong page.
    """
    seen = v.seen
    if seen.stale_reused > 0 and "stale_reused" not in v.blind and not _by_hand(v):
        yield Violation(
            "reuse-unflushed",
            f"{seen.stale_reused} entries, the first at {seen.stale_address:#x}, map another page"
            " while a CPU may use the old one",
        )


def attributes(v: View) -> Iterator[Violation]:
    """After a change of attributes no CPU translates by a PTE that is gone.

    Any correct kernel, because the old translation is an alias with the old attribute.
    """
    seen = v.seen
    changes = v.op.code in (OpCode.FLUSH_UNUSED, OpCode.ATTRIBUTE) and v.done
    if changes and seen.stale_left > 0 and "stale_left" not in v.blind and not _by_hand(v):
        yield Violation(
            "attribute-unflushed",
            f"{seen.stale_left} slots, such as {seen.stale_address:#x}, are unmapped, and a CPU"
            " may use them after a change of attributes",
        )


def aliases(v: View) -> Iterator[Violation]:
    """All aliases of a page get its attributes, and no CPU goes on with the old ones.

    Any correct kernel, because a page that is cached and not cached at once loses data, and one
    that is read-only is not to be written by anybody.
    """
    if v.op.code != OpCode.ATTRIBUTE or not v.done or not v.allowed:
        return
    if all(one.value != v.seen.value for one in v.allowed):
        wanted = found_words(v.allowed[0].value)
        yield Violation("aliases", f"{found_words(v.seen.value)}; allowed: {wanted}")


RULES = (reused, attributes, aliases)
