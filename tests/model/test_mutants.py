"""Broken models: each is found by exploration, with a shortest program. Ids as in the mutation list."""

import pytest

from harness.model import bookkeeping, local, pkmap, release, stack, step, vector
from harness.model.explore import Limits, explore
from harness.model.operation import OpCode
from harness.model.state import Phase
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, LOCAL_RT, STACK_PAE, small

PKMAP = (small(slots=2, high=4, low=1, tasks=(0, 0, 1)), Limits(kmaps=1, states=4000))
PKMAP_TWICE = (small(slots=2, high=3, low=0, tasks=(0, 0, 1)), Limits(kmaps=2, states=4000))
_LOCAL_MAPS = (OpCode.KMAP_LOCAL, OpCode.KMAP_ATOMIC)


def windows(layout, maps=_LOCAL_MAPS, tasks=(0, 0, 1)):
    limits = Limits(kmaps=0, depth=2, maps=maps, others=(OpCode.SLEEP,), states=3000)
    return small(layout, slots=2, high=2, low=1, tasks=tasks), limits


SECTIONS = (small(slots=1, high=3, low=0, tasks=(1, 1, 0)), Limits(kmaps=1, others=(), sections=True))
LOCAL = windows(LOCAL_PAE)
RT = windows(LOCAL_RT)
DEBUG = windows(LOCAL_DEBUG)
STACK = windows(STACK_PAE, (OpCode.KMAP_ATOMIC,))


def forget_held(d):
    return [d]


def flush_misses_last(d):
    d.flush_scans += 1
    ones = d.ones & ~(1 << (d.machine.layout.last_pkmap - 1))
    for slot in range(d.machine.layout.last_pkmap):
        if ones >> slot & 1:
            pkmap.clear_slot(d, slot)
    d.flush_ranges += bool(ones)


def flush_nothing(d):
    d.flush_scans += 1


def flush_users_too(d):
    d.flush_scans += 1
    for slot, held in enumerate(vector.items(d.slots)):
        if held.count:
            pkmap.clear_slot(d, slot)
            d.flush_ranges = 1


def flush_without_tlb(d):
    original_flush(d)
    d.flush_ranges = 0


def keep_pte(d, slot):
    held = vector.get(d.slots, slot)
    d.set_slot(slot, 0, held.pte)


def keep_address(d, slot):
    d.set_slot(slot, 0, 0)


def take_unused(d):
    slot = pkmap.lowest(d.zeros | d.ones) if d.zeros | d.ones else -1
    d.cursor = slot if slot >= 0 else d.machine.layout.last_pkmap - 1
    return slot


def sleep_with_unused(d):
    return pkmap.lowest(d.zeros) if d.zeros else -1


def one_user_less(d, address):
    return True


def one_user_more(d, address):
    return original_take_user(d, address) and original_take_user(d, address)


def never_wake(d, page):
    original_release(d, page)
    return False


def no_bug(d, page):
    address = vector.get(d.where, page)
    slot = d.machine.layout.pkmap_slot(address)
    held = vector.get(d.slots, slot)
    d.set_slot(slot, max(held.count - 2, 0), held.pte if held.count > 2 else 0)
    return False


def no_recheck(d, number):
    page = d.tasks[number].page
    address = pkmap.map_new_virtual(d, page)
    if address:
        original_take_user(d, address)
        d.complete(number, address)
    else:
        d.waiting = tuple(sorted((*d.waiting, number)))


def recheck_without_user(d, number):
    page = d.tasks[number].page
    address = vector.get(d.where, page)
    if address:
        d.complete(number, address)
    else:
        original_retry(d, number)


def wake_one(d, woken):
    d.waiting = woken[1:]
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
    d.set_window(d.machine.layout.window_index(d.cpu, d.depth - 1), 0)


def clear_wrong_flush(d, address):
    d.set_window(d.machine.layout.window_index(d.cpu, d.depth - 1), 0)
    d.invlpg(address - 4096)


def no_advance(d):
    d.depth = d.machine.increment
    return True


def too_deep(d):
    d.depth += d.machine.increment + 1
    return True


def no_save(d, pte):
    pass


def keep_saved(d, pte):
    if pte:
        original_save(d, pte)


def stay(d, task):
    return ()


def switch_in_shifted(d, task):
    for entry, pte in local.live_entries(d, task):
        d.set_window(d.machine.layout.window_index(task.cpu, entry + 1), pte)


def switch_in_reversed(d, task):
    live = local.live_entries(d, task)
    for (entry, _), (_, pte) in zip(live, reversed(live), strict=True):
        d.set_window(d.machine.layout.window_index(task.cpu, entry), pte)


def lowmem_pops(d, address):
    d.depth -= d.machine.increment


def pin_always(d):
    d.rule = "local.map"
    bookkeeping.migrate_disable(d)
    local.map_page(d)


def forget_preempt(d):
    d.pagefault += 1


def forget_pagefault(d):
    if not d.machine.layout.rt:
        d.preempt += 1
    else:
        bookkeeping.migrate_disable(d)


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
    d.depths = (*d.depths[: d.cpu], d.depths[d.cpu] - 1, *d.depths[d.cpu + 1 :])


def stack_no_pop(d, address):
    d.set_window(d.machine.layout.fixindex(address), 0)
    d.invlpg(address)


original_flush = pkmap.flush_all_zero
original_take_user = pkmap.take_user
original_release = pkmap.release
original_retry = pkmap.retry
original_settle = pkmap.settle
original_save = local.save

MUTANTS = {
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
    "A19": (local, "switch_out", stay, LOCAL),
    "A20": (local, "switch_in", stay, LOCAL),
    "A21a": (local, "switch_in", switch_in_shifted, LOCAL),
    "A21b": (local, "switch_in", switch_in_reversed, LOCAL),
    "A24": (local, "save", keep_saved, LOCAL),
    "held-forgotten": (step, "run_held", forget_held, SECTIONS),
    "not-woken": (release, "wake", forget_held, SECTIONS),
    "A1": (stack, "map_slot", stack_no_cpu, STACK),
    "A6s": (stack, "clear_top", stack_keep, STACK),
    "A5s": (stack, "clear_top", stack_no_pop, STACK),
}


@pytest.mark.long
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


@pytest.mark.long
def test_a_blocked_task_always_gets_through():
    machine, limits = PKMAP
    found = explore(machine, limits)
    assert {"kmap.full", "kunmap.wake+win", "kunmap.wake+win+follow"} <= set(found.rules)
    assert Phase.BLOCKED
