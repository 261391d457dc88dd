"""Broken models: each is found by exploration, with a shortest program. Ids as in the mutation
list.
"""

import pytest

from harness.model.records import snapshots, vector
from harness.model.records.layout import Layout
from harness.model.records.operation import Base, OpCode, Operation
from harness.model.records.state import Phase, lowest
from harness.model.rules import draft, local, pkmap, stack, switch
from harness.model.rules.draft import Draft
from harness.model.search.explorer import explore
from harness.model.search.nodes import Limits, register_of
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, LOCAL_RT, STACK_PAE, small

PKMAP = (small(slots=2, high=4, low=1, tasks=(0, 0, 1)), Limits(kmaps=1, states=4000))
PKMAP_TWICE = (small(slots=2, high=3, low=0, tasks=(0, 0, 1)), Limits(kmaps=2, states=4000))
_LOCAL_MAPS = (OpCode.KMAP_LOCAL, OpCode.KMAP_ATOMIC)


def windows(layout, maps=_LOCAL_MAPS, tasks=(0, 0, 1)):
    limits = Limits(kmaps=0, depth=2, maps=maps, others=(OpCode.SLEEP,), states=3000)
    return small(layout, slots=2, high=2, low=1, tasks=tasks), limits


SECTIONS = (
    small(slots=1, high=3, low=0, tasks=(1, 1, 0)),
    Limits(kmaps=1, others=(), sections=True),
)
LOCAL = windows(LOCAL_PAE)
RT = windows(LOCAL_RT)
DEBUG = windows(LOCAL_DEBUG)
STACK = windows(STACK_PAE, (OpCode.KMAP_ATOMIC,))


def forget_held(d):
    return [d]


_ONE = (OpCode.KMAP_LOCAL,)
_HERE = LOCAL_PAE.fix_kmap_begin
_SMALL = LOCAL_PAE._replace(window=3, fix_kmap_end=_HERE + 3 * 32 - 1)


def misuse(layout, *also, depth=2, tasks=(0, 0), maps=_ONE, others=()):
    limits = Limits(kmaps=0, depth=depth, maps=maps, others=others, also=also, states=1500)
    return small(layout, slots=1, high=2, low=0, tasks=tasks), limits


def unmap_of(index):
    return Operation(OpCode.KUNMAP_LOCAL, base=Base.FIXMAP, reg=index)


BY_HAND = misuse(LOCAL_PAE, Operation(OpCode.SET_PTE, page=1, base=Base.FIXMAP, reg=_HERE))
DEEP = misuse(_SMALL, depth=3, tasks=(0, 1))
DISORDER = misuse(LOCAL_PAE, Operation(OpCode.KUNMAP_LOCAL, reg=register_of(0, 0)), tasks=(0,))
STRAYS = misuse(LOCAL_PAE, unmap_of(_HERE - 1), unmap_of(_HERE + 16 * 32), tasks=(0,))
LOWEST = misuse(_SMALL._replace(nr_cpus=1, online_cpus=1, fix_kmap_end=_HERE + 1), tasks=(0,))
HARDIRQ = misuse(
    LOCAL_PAE, Operation(OpCode.HARDIRQ, value=2), depth=3, tasks=(0,), maps=(OpCode.KMAP_ATOMIC,)
)
MANY_CPUS = misuse(LOCAL_PAE._replace(online_cpus=32), tasks=(0, 28), others=(OpCode.SLEEP,))


def flush_misses_last(d):
    d.flush_scans += 1
    ones = d.state.ones & ~(1 << (d.machine.layout.last_pkmap - 1))
    for slot in range(d.machine.layout.last_pkmap):
        if ones >> slot & 1:
            pkmap.clear_slot(d, slot)
    d.flush_ranges += bool(ones)


def flush_nothing(d):
    d.flush_scans += 1


def flush_users_too(d):
    d.flush_scans += 1
    for slot, held in enumerate(vector.items(d.state.slots)):
        if held.count:
            pkmap.clear_slot(d, slot)
            d.flush_ranges = 1


def flush_without_tlb(d):
    original_flush(d)
    d.flush_ranges = 0


def keep_pte(d, slot):
    held = vector.get(d.state.slots, slot)
    d.set_slot(slot, 0, held.pte)


def keep_address(d, slot):
    d.set_slot(slot, 0, 0)


def take_unused(d):
    slot = lowest(d.state.zeros | d.state.ones) if d.state.zeros | d.state.ones else -1
    d.state = d.state._replace(cursor=slot if slot >= 0 else d.machine.layout.last_pkmap - 1)
    return slot


def sleep_with_unused(d):
    return lowest(d.state.zeros) if d.state.zeros else -1


def one_user_less(d, address):
    return True


def one_user_more(d, address):
    return original_take_user(d, address) and original_take_user(d, address)


def never_wake(d, page):
    original_release(d, page)
    return False


def no_bug(d, page):
    address = vector.get(d.state.where, page)
    slot = d.machine.layout.pkmap_slot(address)
    held = vector.get(d.state.slots, slot)
    d.set_slot(slot, max(held.count - 2, 0), held.pte if held.count > 2 else 0)
    return False


def no_recheck(d, number):
    page = d.state.tasks[number].page
    address = pkmap.map_new_virtual(d, page)
    if address:
        original_take_user(d, address)
        d.complete(number, address)
    else:
        d.state = d.state._replace(waiting=tuple(sorted((*d.state.waiting, number))))


def recheck_without_user(d, number):
    page = d.state.tasks[number].page
    address = vector.get(d.state.where, page)
    if address:
        d.complete(number, address)
    else:
        original_retry(d, number)


def wake_one(d, woken):
    d.state = d.state._replace(waiting=woken[1:])
    return original_settle(d, woken[:1])


def remap_twice(d, page):
    address = pkmap.map_new_virtual(d, page)
    if address:
        original_take_user(d, address)
    return address


def lowmem_takes_slot(d):
    page = d.op.page
    address = remap_twice(d, page)
    if address:
        d.result(address)
    else:
        pkmap.sleep(d)


def leave_pte(d, address):
    d.invlpg(address)


def clear_without_flush(d, address):
    d.set_window(d.machine.layout.window_index(d.task.cpu, d.task.depth - 1), 0)


def clear_wrong_flush(d, address):
    d.set_window(d.machine.layout.window_index(d.task.cpu, d.task.depth - 1), 0)
    d.invlpg(address - 4096)


def no_advance(d):
    d.task = d.task._replace(depth=d.machine.increment)
    return True


def too_deep(d):
    d.task = d.task._replace(depth=d.task.depth + d.machine.increment + 1)
    return True


def no_save(d, pte):
    pass


def stay(d, task):
    return ()


def switch_in_shifted(d, task):
    for index, pte in switch.live_entries(d, task):
        d.set_window(index + 1, pte)


def switch_in_reversed(d, task):
    live = list(switch.live_entries(d, task))
    for (index, _), (_, pte) in zip(live, reversed(live), strict=True):
        d.set_window(index, pte)


def lowmem_pops(d, address):
    d.task = d.task._replace(depth=d.task.depth - d.machine.increment)


def pin_always(d):
    d.rule = "local.map"
    draft.migrate_disable(d)
    local.map_page(d)


def forget_preempt(d):
    d.task = d.task._replace(pagefault=d.task.pagefault + 1)


def forget_pagefault(d):
    if not d.machine.layout.rt:
        d.task = d.task._replace(preempt=d.task.preempt + 1)
    else:
        draft.migrate_disable(d)


def nothing(d):
    pass


def unmap_nothing(d, address):
    pass


def lowmem_mapped(d):
    local.map_pfn(d)


def stack_no_cpu(d, *, check):
    slot = stack.push(d)
    index = d.machine.layout.fix_kmap_begin + slot
    d.set_window(index, d.new_pte())
    d.result(d.machine.layout.fixaddr(index))


def stack_keep(d, address):
    d.invlpg(address)
    d.state = d.state._replace(
        depths=(
            *d.state.depths[: d.task.cpu],
            d.state.depths[d.task.cpu] - 1,
            *d.state.depths[d.task.cpu + 1 :],
        )
    )


def stack_no_pop(d, address):
    d.set_window(d.machine.layout.fixindex(address), 0)
    d.invlpg(address)


def window_too_small(layout, cpu, slot):
    return layout.fix_kmap_begin + slot + (layout.window - 1) * cpu


def no_none_check(d):
    draft.migrate_disable(d)
    if local.push(d):
        index = d.machine.layout.window_index(d.task.cpu, d.task.depth - 1)
        d.set_window(index, d.new_pte())
        local.save(d, d.new_pte())
        d.result(d.machine.layout.fixaddr(index))


def no_limit(d):
    d.task = d.task._replace(depth=d.task.depth + d.machine.increment)
    return True


def early_limit(d):
    d.task = d.task._replace(depth=d.task.depth + d.machine.increment)
    if d.task.depth < d.machine.layout.window - 1:
        return True
    draft.die(d, "local.bug-depth")
    return False


def disorder_unnoticed(d, address):
    d.set_window(d.machine.layout.window_index(d.task.cpu, d.task.depth - 1), 0)
    d.invlpg(address)


def clear_address(d, address):
    top = d.machine.layout.fixaddr(d.machine.layout.window_index(d.task.cpu, d.task.depth - 1))
    if address != top:
        d.warn_once("unmap-order")
    d.set_window(d.machine.layout.fixindex(address), 0)
    d.invlpg(address)


def takes_neighbours(d, address):
    return original_in_window(d, address) or original_in_window(d, address - 4096)


def leaves_out_the_lowest(d, address):
    return original_in_window(d, address) and address & ~0xFFF != d.machine.window_low


def out_without_flush(d, task):
    original_switch_out(d, task)
    return ()


def out_forgets_saved(d, task):
    flushed = original_switch_out(d, task)
    d.task = d.task._replace(saved=(0,) * len(d.task.saved))
    return flushed


def out_pops(d, task):
    flushed = original_switch_out(d, task)
    d.task = d.task._replace(depth=0)
    return flushed


def inherits(machine, view, cpu):
    task = original_task(machine, view, cpu)
    return task._replace(depth=1, saved=(machine.ptes[0], *task.saved[1:]))


def irq_from_slot_0(d):
    if draft.in_hardirq(d):
        d.task = d.task._replace(depth=0)
    return original_push(d)


def irq_keeps_depth(d):
    return draft.in_hardirq(d) or original_pop(d)


def page_table_apart(d, index, pte):
    original_set_window(d, index + 5 if index >= 512 else index, pte)


original_in_window = Draft.in_window
original_set_window = Draft.set_window
original_switch_out = switch.switch_out
original_task = snapshots._task
original_push = local.push
original_pop = local.pop
original_flush = pkmap.flush_all_zero
original_take_user = pkmap.take_user
original_release = pkmap.release
original_retry = pkmap.retry
original_settle = pkmap.settle

MUTANTS = {
    "A2": (Layout, "window_index", window_too_small, LOCAL),
    "A9": (local, "map_pfn", no_none_check, BY_HAND),
    "A10a": (local, "push", no_limit, DEEP),
    "A10b": (local, "push", early_limit, DEEP),
    "A11": (local, "clear_top", disorder_unnoticed, DISORDER),
    "A12": (local, "clear_top", clear_address, DISORDER),
    "A14a": (Draft, "in_window", takes_neighbours, STRAYS),
    "A14b": (Draft, "in_window", leaves_out_the_lowest, LOWEST),
    "A22": (switch, "switch_out", out_without_flush, LOCAL),
    "A23a": (switch, "switch_out", out_forgets_saved, LOCAL),
    "A23b": (switch, "switch_out", out_pops, LOCAL),
    "A25": (snapshots, "_task", inherits, LOCAL),
    "A26a": (local, "push", irq_from_slot_0, HARDIRQ),
    "A26b": (local, "pop", irq_keeps_depth, HARDIRQ),
    "A34": (Draft, "set_window", page_table_apart, MANY_CPUS),
    "P1": (pkmap, "flush_all_zero", flush_misses_last, PKMAP),
    "P2": (pkmap, "flush_all_zero", flush_nothing, PKMAP),
    "P3": (pkmap, "flush_all_zero", flush_users_too, PKMAP),
    "P4": (pkmap, "clear_slot", keep_pte, PKMAP),
    "P5": (pkmap, "clear_slot", keep_address, PKMAP),
    "P6": (pkmap, "flush_all_zero", flush_without_tlb, PKMAP),
    "P15": (pkmap, "find_slot", take_unused, PKMAP),
    "P16": (pkmap, "take_user", one_user_less, PKMAP),
    "P16b": (pkmap, "take_user", one_user_more, PKMAP),
    "P17": (pkmap, "kmap_high", remap_twice, PKMAP_TWICE),
    "P19": (pkmap, "release", no_bug, PKMAP_TWICE),
    "P20": (pkmap, "release", never_wake, PKMAP),
    "P22": (pkmap, "settle", wake_one, PKMAP),
    "P25": (pkmap, "retry", no_recheck, PKMAP),
    "P26": (pkmap, "retry", recheck_without_user, PKMAP),
    "P28": (pkmap, "find_slot", sleep_with_unused, PKMAP),
    "A3": (local, "save", no_save, LOCAL),
    "A4": (local, "push", no_advance, LOCAL),
    "A4d": (local, "push", too_deep, DEBUG),
    "A6": (local, "clear_top", leave_pte, LOCAL),
    "A7": (local, "clear_top", clear_without_flush, LOCAL),
    "A8": (local, "clear_top", clear_wrong_flush, LOCAL),
    "A13": (local, "unmap", unmap_nothing, LOCAL),
    "A15": (local, "map_page", lowmem_mapped, LOCAL),
    "A16": (local, "unmap_outside", lowmem_pops, LOCAL),
    "A17a": (local, "atomic_enter", forget_preempt, LOCAL),
    "A17b": (local, "atomic_enter", forget_pagefault, RT),
    "A17c": (local, "atomic_leave", nothing, LOCAL),
    "A17d": (local, "migrate_enable", nothing, LOCAL),
    "A18": (local, "migrate_disable", nothing, LOCAL),
    "A19": (switch, "switch_out", stay, LOCAL),
    "A20": (switch, "switch_in", stay, LOCAL),
    "A21a": (switch, "switch_in", switch_in_shifted, LOCAL),
    "A21b": (switch, "switch_in", switch_in_reversed, LOCAL),
    "held-forgotten": (pkmap, "run_held", forget_held, SECTIONS),
    "not-woken": (pkmap, "wake", forget_held, SECTIONS),
    "A1": (stack, "map_slot", stack_no_cpu, STACK),
    "A6s": (stack, "clear_top", stack_keep, STACK),
    "A5s": (stack, "clear_top", stack_no_pop, STACK),
}


@pytest.mark.long
@pytest.mark.thirds
@pytest.mark.parametrize("name", MUTANTS)
def test_exploration_finds_the_broken_model(name, monkeypatch):
    module, function, broken, (machine, limits) = MUTANTS[name]
    monkeypatch.setattr(module, function, broken)
    found = explore(machine, limits)
    assert found.failure is not None, found
    assert found.failure.violations


@pytest.mark.long
@pytest.mark.parametrize("standard", [PKMAP, PKMAP_TWICE, LOCAL, RT, DEBUG, STACK])
def test_the_real_model_is_clean(standard):
    machine, limits = standard
    found = explore(machine, limits)
    assert found.failure is None
    assert found.states > 50


@pytest.mark.parametrize(
    "standard", [BY_HAND, DEEP, DISORDER, STRAYS, LOWEST, HARDIRQ, MANY_CPUS], ids=range(7)
)
def test_the_real_model_is_clean_where_it_is_misused(standard):
    machine, limits = standard
    found = explore(machine, limits)
    assert found.failure is None, found.failure
    assert found.states > 4


@pytest.mark.long
def test_a_blocked_task_always_gets_through():
    machine, limits = PKMAP
    found = explore(machine, limits)
    assert {"kmap.full", "kunmap.wake+win", "kunmap.wake+win+follow"} <= set(found.rules)
    assert Phase.BLOCKED
