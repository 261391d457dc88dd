"""What a task does next in a fuzzed program: acts over all operations, operands and contexts.

Every act keeps the rules of the interface (scenario/program_rules.py), so that a correct kernel
does what the model allows.
"""

from collections.abc import Callable, Mapping
from typing import Final

from harness.fuzz.checked_helper import checked_helper
from harness.fuzz.full_table import seldom_and_early, single_slots, waits
from harness.model.records.interrupt import InterruptContext, Trigger
from harness.model.records.layout import PAGE_SIZE
from harness.model.records.operation import LOCAL_MAPS, Base, OpCode
from harness.scenario import episodes, stale_translations
from harness.scenario.episodes import Palette
from harness.scenario.helper_episodes import MAPPED_MOST, helper
from harness.scenario.ledger import Ledger

Act = Callable[[Ledger, int, Palette], None]

_WORD: Final = 4
_INSIDE: Final = (1, _WORD, PAGE_SIZE // 2, PAGE_SIZE - _WORD, PAGE_SIZE - 1)
_BESIDE: Final = (-PAGE_SIZE, -1, PAGE_SIZE)
_SECTIONS: Final = (
    (OpCode.IRQ_OFF, OpCode.IRQ_ON),
    (OpCode.PREEMPT_OFF, OpCode.PREEMPT_ON),
)
_SLEEPS_US: Final = (50, 200, 1000)
_DELAYS_NS: Final = (500, 1_000, 2_500, 7_000)
_INSTRUCTIONS: Final = 48
"""Instants within a function are drawn from its first instructions and, seldom, beyond."""


def _kmap(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    if ledger.slots_held < ledger.layout.last_pkmap // 2:
        low = ledger.rng.random() < 0.1
        ledger.kmap(task, ledger.rng.choice(ledger.low if low else ledger.high))


def _kunmap(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    if ledger.held:
        ledger.kunmap(task, ledger.rng.choice(tuple(ledger.held)))


def _same_page(ledger: Ledger, task: int, forms: Palette) -> None:
    """One page with more users, and fewer again."""
    del forms
    page = ledger.rng.choice(tuple(ledger.held) or ledger.high)
    count = ledger.rng.choice((1, 2, 3, 40))
    if page not in ledger.held and ledger.slots_held >= ledger.layout.last_pkmap // 2:
        return
    for _ in range(count):
        ledger.kmap(task, page)
    for _ in range(ledger.rng.randint(0, count)):
        ledger.kunmap(task, page)


def _turn(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    if ledger.slots_held < ledger.layout.last_pkmap // 2:
        episodes.turn(ledger, task, ledger.rng.choice((1, 3, 20, 300)))


def _whole_turn(ledger: Ledger, task: int, forms: Palette) -> None:
    """A turn past every slot while some are held: these are released ahead of the cursor."""
    del forms
    layout, rng = ledger.layout, ledger.rng
    if ledger.slots_held < layout.last_pkmap // 2 and seldom_and_early(ledger):
        held = [ledger.unheld() for _ in range(rng.randint(1, 3))]
        for page in held:
            ledger.kmap(task, page)
        episodes.turn(ledger, task, layout.last_pkmap - rng.randrange(40))
        for page in held:
            ledger.kunmap(task, page)
        episodes.turn(ledger, task, rng.choice((1, 20, 60)))


def _push(ledger: Ledger, task: int, forms: Palette) -> None:
    if forms.local and ledger.room(task) > 0:
        episodes.push_random(ledger, task, forms.local)
        episodes.touch_newest(ledger, task)


def _pop(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    if ledger.stacks[task]:
        ledger.pop(task)


def _nested(ledger: Ledger, task: int, forms: Palette) -> None:
    if ledger.room(task) > 0:
        episodes.atomic_section(ledger, task, forms, depth=ledger.rng.randint(1, 6))


def _deepest(ledger: Ledger, task: int, forms: Palette) -> None:
    if ledger.room(task) > 0:
        episodes.full_window(ledger, task, forms)


def _section(ledger: Ledger, task: int, forms: Palette) -> None:
    """Interrupts or preemption off, with mappings, accesses and looks inside."""
    rng = ledger.rng
    enter, leave = rng.choice(_SECTIONS)
    base = len(ledger.stacks[task])
    ledger.add(enter, task)
    for _ in range(rng.randint(1, 3)):
        if ledger.room(task) > 0:
            both = forms.atomic[:1] + tuple(one for one in forms.local if one in LOCAL_MAPS)
            episodes.push_random(ledger, task, both)
            episodes.touch_newest(ledger, task)
        if not ledger.layout.rt:  # its lock of page addresses sleeps
            ledger.add(OpCode.PAGE_ADDRESS, task, page=rng.choice(ledger.high))
    while len(ledger.stacks[task]) > base:
        episodes.touch_newest(ledger, task)
        ledger.pop(task)
    ledger.add(leave, task)


def _context(ledger: Ledger, task: int, forms: Palette) -> None:
    """A hardirq or softirq that maps beside what its task holds."""
    if ledger.room(task) > 1:
        episodes.interrupt(ledger, task, forms)


def _instant(ledger: Ledger, task: int, forms: Palette) -> None:
    """An interrupt in the middle of what comes next."""
    rng, smp = ledger.rng, ledger.layout.online_cpus > 1
    levels = rng.randint(1, 2)
    high = frozenset(ledger.high)
    pages = [page for page in ledger.high if high.issuperset(range(page, page + levels))]
    if ledger.room(task) < levels + 2 or not pages:
        return
    trigger = rng.choice([one for one in Trigger if smp or one is not Trigger.IPI])
    inside = trigger >= Trigger.MAP
    moment = rng.randrange(_INSTRUCTIONS) if inside else rng.choice(_DELAYS_NS)
    context = rng.choice((InterruptContext.HARDIRQ, InterruptContext.SOFTIRQ))
    page = rng.choice(pages)
    ledger.add(
        OpCode.INTERRUPT,
        task,
        page=page,
        reg=trigger << 4 | context,
        offset=moment,
        value=levels | rng.randint(0, 2) << 8,
    )
    rng.choice((_nested, _kmap, _kunmap, _push, _pop, _look))(ledger, task, forms)


def _look(ledger: Ledger, task: int, forms: Palette) -> None:
    """Words of mapped pages, and addresses of pages."""
    del forms
    rng = ledger.rng
    if ledger.stacks[task] and rng.random() < 0.5:
        mapping = rng.choice(ledger.stacks[task])
        ledger.touch(task, mapping.register, writable=mapping.writable)
    elif ledger.held and rng.random() < 0.6:
        ledger.touch(task, rng.choice(tuple(ledger.held)))
    else:
        ledger.add(OpCode.PAGE_ADDRESS, task, page=rng.choice(ledger.high + ledger.low))


def _address(ledger: Ledger, task: int, forms: Palette) -> None:
    """An address of every kind, at an offset inside its page or beside it."""
    del forms
    rng = ledger.rng
    operand = _operand(ledger, task)
    offset = rng.choice((0, rng.choice(_INSIDE), rng.randrange(PAGE_SIZE), rng.choice(_BESIDE)))
    code = rng.choice((OpCode.KMAP_TO_PAGE, OpCode.KMAP_TO_PAGE, OpCode.INVLPG))
    ledger.add(code, task, **operand, offset=offset)


def _operand(ledger: Ledger, task: int) -> dict[str, int]:
    """What an address may be relative to; window addresses are those of the task itself."""
    rng, layout = ledger.rng, ledger.layout
    kinds: list[dict[str, int]] = [
        {"base": Base.DIRECT, "page": rng.choice(ledger.low)},
        {"base": Base.FIXMAP, "reg": rng.randint(layout.fix_kmap_begin, layout.fix_kmap_end)},
    ]
    if layout.last_pkmap:
        ends = (0, layout.last_pkmap - 1, rng.randrange(layout.last_pkmap))
        kinds.append({"base": Base.PKMAP, "reg": rng.choice(ends)})
    if ledger.held:
        kinds.append({"base": Base.REG, "reg": rng.choice(tuple(ledger.held))})
    if ledger.stacks[task]:
        live = rng.choice(ledger.stacks[task])
        kinds += [{"base": Base.REG, "reg": live.register}] * 2
    return rng.choice(kinds)


def _sleep(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    rng = ledger.rng
    if rng.random() < 0.6:
        ledger.add(OpCode.SLEEP, task, value=rng.choice(_SLEEPS_US))
    else:
        ledger.add(OpCode.YIELD, task)


def _flush(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    ledger.add(OpCode.FLUSH_UNUSED, task)


def _signal(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    ledger.add(OpCode.SIGNAL, task, value=ledger.rng.randrange(len(ledger.cpus)))


def _helper(ledger: Ledger, task: int, forms: Palette) -> None:
    """A page helper, at ranges of every kind within its pages."""
    if forms.helpers and ledger.room(task) >= MAPPED_MOST:
        helper(ledger, task, forms.helpers)


def _stale(ledger: Ledger, task: int, forms: Palette) -> None:
    """Two tasks of a CPU read through the same slot of its window by turns."""
    del task
    if not any(ledger.stacks):
        stale_translations.same_slot(ledger, forms)


def _stray(ledger: Ledger, task: int, forms: Palette) -> None:
    """An unmap of an address beside the window, which must end no mapping."""
    layout, rng = ledger.layout, ledger.rng
    if not forms.local or layout.debug_highmem or layout.force_map:
        return
    beside: dict[str, int] = rng.choice(
        (
            {"base": Base.FIXMAP, "reg": layout.fix_kmap_begin - 1},
            {"base": Base.FIXMAP, "reg": layout.fix_kmap_end + 1},
            {"base": Base.DIRECT, "page": rng.choice(ledger.low)},
        )
    )
    ledger.add(OpCode.KUNMAP_LOCAL, task, **beside, offset=rng.choice((0, _WORD)))


def _typed(ledger: Ledger, task: int, forms: Palette) -> None:
    del forms
    if ledger.layout.typed_count:
        episodes.typed(ledger, task)


ACTS: Final[Mapping[str, Act]] = {
    "kmap": _kmap,
    "kunmap": _kunmap,
    "same page": _same_page,
    "turn": _turn,
    "push": _push,
    "pop": _pop,
    "nested": _nested,
    "deepest": _deepest,
    "section": _section,
    "context": _context,
    "instant": _instant,
    "look": _look,
    "address": _address,
    "helper": _helper,
    "checked helper": checked_helper,
    "stale": _stale,
    "sleep": _sleep,
    "flush": _flush,
    "signal": _signal,
    "typed": _typed,
    "whole turn": _whole_turn,
    "wait": waits,
    "single": single_slots,
    "stray": _stray,
}
"""Every act by its name."""
