"""Correct kernels that do it otherwise: what each changes of the model, and what it does not show.

Each is one idea that somebody might send as a patch.  All of them keep the contract.
"""

from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.machine import Machine
from harness.model.records.observation import UNCLAIMED
from harness.model.records.operation import OpCode
from harness.model.records.state import lowest
from harness.model.rules import draft, local, pkmap, switch
from harness.model.rules.step import step
from harness.model.search.nodes import Limits
from tests.model.machines import LOCAL_PAE, LOCAL_RT, small

PKMAP = (small(slots=2, high=4, low=1, tasks=(0, 0, 1)), Limits(kmaps=1, states=4000))
PKMAP_TWICE = (small(slots=2, high=3, low=0, tasks=(0, 0, 1)), Limits(kmaps=2, states=4000))
_MAPS = (OpCode.KMAP_LOCAL, OpCode.KMAP_ATOMIC)
_LOCAL = Limits(kmaps=0, depth=2, maps=_MAPS, others=(OpCode.SLEEP,), states=2000)
LOCAL = (small(LOCAL_PAE, slots=2, high=2, low=1, tasks=(0, 0, 1)), _LOCAL)
RT = (small(LOCAL_RT, slots=2, high=2, low=1, tasks=(0, 0, 1)), _LOCAL)

original_release = pkmap.release
original_clear_slot = pkmap.clear_slot
original_clear_top = local.clear_top
original_save = local.save
original_map_pfn = local.map_pfn
original_switch_in = switch.switch_in


class OtherKernel(NamedTuple):
    """What is put in the place of the model's functions, and where it is explored."""

    changes: tuple[tuple[object, str, object], ...]
    machines: tuple[tuple[Machine, Limits], ...] = (PKMAP, PKMAP_TWICE)
    show: object = None
    """What becomes of an observation: this kernel's variables are others."""
    blind: frozenset[str] = frozenset()


def _full(d):
    d.state = d.state._replace(cursor=d.machine.layout.last_pkmap - 1)
    return -1


def scan_from_zero(d):
    """A bitmap: the first free slot of all, whatever was handed out last."""
    if not d.state.zeros:
        pkmap.flush_all_zero(d)
    if not d.state.zeros:
        return _full(d)
    d.state = d.state._replace(cursor=lowest(d.state.zeros))
    return d.state.cursor


def scan_downwards(d):
    """A stack of free slots, the last one first."""
    if not d.state.zeros:
        pkmap.flush_all_zero(d)
    d.state = d.state._replace(cursor=d.state.zeros.bit_length() - 1 if d.state.zeros else 0)
    return d.state.cursor if d.state.zeros else -1


def scan_from_own_half(d):
    """A cursor for each CPU, which starts in its own part of the area."""
    if not d.state.zeros:
        pkmap.flush_all_zero(d)
    if not d.state.zeros:
        return _full(d)
    slots, cpus = d.machine.layout.last_pkmap, d.machine.layout.online_cpus
    start = slots // cpus * d.task.cpu
    order = (*range(start, slots), *range(start))
    d.state = d.state._replace(cursor=next(one for one in order if d.state.zeros >> one & 1))
    return d.state.cursor


def flush_early(d):
    """A batch: unused slots are flushed with every fresh mapping, before the array is full."""
    pkmap.flush_all_zero(d)
    return scan_from_zero(d)


def recycle_one(d):
    """Where none is free, one unused slot is flushed and taken; the others keep their pages."""
    if not d.state.zeros and d.state.ones:
        pkmap.clear_slot(d, lowest(d.state.ones))
        d.flush_ranges = 1
        d.state = d.state.with_stale({})
    return scan_from_zero(d) if d.state.zeros else _full(d)


def eager_release(d, page):
    """The last kunmap flushes at once."""
    woken = original_release(d, page)
    if not d.state.locked:
        pkmap.flush_all_zero(d)
    return woken


def forget_at_release(d, page):
    """RCU for the hash: the last kunmap takes the page out; its PTE stays until the flush."""
    address = vector.get(d.state.where, page)
    woken = original_release(d, page)
    if address and vector.get(d.state.slots, d.machine.layout.pkmap_slot(address)).count == 1:
        d.set_page_address(page, 0)
    return woken


def clear_forgotten(d, slot):
    """With it a page may have another slot by the time that this one is cleared."""
    page = d.machine.page_of(vector.get(d.state.slots, slot).pte)
    where = 0 if page is None else vector.get(d.state.where, page)
    original_clear_slot(d, slot)
    if where not in (0, d.machine.layout.pkmap_address(slot)):
        d.set_page_address(page, where)


def wake_one_page(d):
    """A queue for each page: a slot that comes free wakes those who wait for one page."""
    if not d.state.waiting:
        return [d]
    tasks = d.state.tasks
    page = tasks[d.state.waiting[0]].page
    woken = tuple(number for number in d.state.waiting if tasks[number].page == page)
    d.state = d.state._replace(
        waiting=tuple(number for number in d.state.waiting if number not in woken)
    )
    return pkmap.settle(d, woken)


def empty_queue(seen):
    """The queue that everybody knew is gone: nobody is ever in it, and nobody wakes it."""
    return seen._replace(waiters=0, wakes=0)


def plain_counts(seen):
    """``pkmap_count`` counts from 0, and a bitmap says what is mapped: it is no evidence."""
    return seen._replace(slots=tuple(one._replace(count=UNCLAIMED) for one in seen.slots))


def nothing_saved(seen):
    """The kernel saves its entries elsewhere, or at the switch."""
    return seen._replace(saved=())


def keep_saved(d, pte):
    """What is saved above the depth stays: no switch looks at it."""
    if pte:
        original_save(d, pte)


def leave_top(d, address):
    """A lazy window: an unmap flushes, and the PTE stays until something else needs the entry."""
    index = d.machine.layout.window_index(d.task.cpu, d.task.depth - 1)
    held = d.state.windows.get(index, 0)
    original_clear_top(d, address)
    d.set_window(index, held)


def map_over(d):
    """The map of a lazy window: it takes the entry from whoever has left it."""
    index = d.machine.layout.window_index(d.task.cpu, d.task.depth + d.machine.increment - 1)
    if d.state.windows.get(index, 0):
        d.set_window(index, 0)
        d.invlpg(d.machine.layout.fixaddr(index))
    original_map_pfn(d)


def switch_in_over(d, task):
    """The switch to a task of a lazy window takes its entries from whoever has left them."""
    for index, pte in switch.live_entries(d, task):
        if pte and d.state.windows.get(index, 0) not in (0, pte):
            d.flushed += (d.machine.layout.fixaddr(index),)
    original_switch_in(d, task)


def pin_once(d):
    """The first of a task's mappings pins it; the others find it pinned."""
    if d.task.migrate == 0:
        draft.count(d, migrate=1)


def unpin_last(d):
    """The last unmap lets go."""
    if d.task.depth == 0:
        draft.count(d, migrate=-d.task.migrate)


def _pkmap(**functions):
    return tuple((pkmap, name, function) for name, function in functions.items())


KERNELS = {
    "a bitmap of free slots": OtherKernel(_pkmap(find_slot=scan_from_zero)),
    "the last free slot first": OtherKernel(_pkmap(find_slot=scan_downwards)),
    "a cursor for each CPU": OtherKernel(_pkmap(find_slot=scan_from_own_half)),
    "flushes in batches": OtherKernel(_pkmap(find_slot=flush_early)),
    "flushes slot by slot": OtherKernel(_pkmap(find_slot=recycle_one)),
    "flushes at the last kunmap": OtherKernel(_pkmap(release=eager_release)),
    "RCU for the hash": OtherKernel(_pkmap(release=forget_at_release, clear_slot=clear_forgotten)),
    "a queue for each page": OtherKernel(_pkmap(wake=wake_one_page), show=empty_queue),
    "counts from 0, and a bitmap": OtherKernel((), show=plain_counts, blind=frozenset({"counts"})),
    "lazy windows": OtherKernel(
        (
            (local, "clear_top", leave_top),
            (local, "map_pfn", map_over),
            (switch, "switch_in", switch_in_over),
        ),
        (LOCAL,),
    ),
    "entries saved elsewhere": OtherKernel((), (LOCAL, RT), show=nothing_saved),
    "saved entries kept": OtherKernel(((local, "save", keep_saved),), (LOCAL, RT)),
    "pinned once": OtherKernel(
        ((local, "migrate_disable", pin_once), (local, "migrate_enable", unpin_last)), (LOCAL,)
    ),
}


def steps_of(kernel):
    """The steps of a kernel, as it shows them; its functions are in the model's place by then."""
    if kernel.show is None:
        return step

    def shown(machine, state, op):
        return tuple(
            one._replace(observation=kernel.show(one.observation))
            for one in step(machine, state, op)
        )

    return shown


def replace(kernel, monkeypatch):
    """Put the functions of *kernel* in the place of the model's."""
    for module, name, function in kernel.changes:
        monkeypatch.setattr(module, name, function)
