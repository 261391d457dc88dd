"""Answers to RUN and SNAPSHOT, decoded fast: here the harness spends its time per step."""

import zlib
from collections.abc import Iterator, Sequence
from struct import Struct
from struct import error as struct_error
from typing import Any, NamedTuple

from harness.guest.failure import WireError
from harness.model.records.layout import TYPED_FIRST, Layout
from harness.model.records.observation import (
    Checkpoint,
    Completion,
    Interrupt,
    Observation,
    SavedChange,
    SlotChange,
    Snapshot,
    Status,
    TaskView,
    WindowChange,
)

OBSERVATION = Struct("<I4BIQIH2BI2Hh6B2I4BIHBxI")
DELTA = Struct("<2BHIQI")
SNAPSHOT = Struct("<11I32i")
SLOT = Struct("<IQ")
PTE = Struct("<Q")
TASK = Struct("<BBhI")

HASHED = OBSERVATION.size - 4

FLAG_IRQS_OFF = 1
FLAG_HARDIRQ = 2
FLAG_SOFTIRQ = 4
FLAG_NO_PAGE_ADDRESS = 8
FLAG_OVERFLOW = 16

DELTA_PKMAP, DELTA_WINDOW, DELTA_PTEVAL, DELTA_DONE, DELTA_DEAD = 1, 2, 3, 4, 5
DELTA_INTERRUPT, DELTA_INTERRUPT_END, DELTA_CHECKPOINT = 6, 7, 8

_STATUS = tuple(Status)
_NOTHING: tuple[()] = ()


class StepRecord(NamedTuple):
    """One executed step: its ``observation`` is judged, the rest is for people.

    ``step`` counts since the module was loaded, ``cycles`` are clock ticks of the operation,
    ``messages`` printk calls during it, ``flags`` FLAG_* bits, ``done_steps`` the steps whose end
    ``observation.done`` reports, in its order.
    """

    step: int
    code: int
    task: int
    observation: Observation
    cycles: int
    messages: int
    flags: int
    done_steps: tuple[int, ...] = ()


class Chain(NamedTuple):
    """The end of the chain of hashes: the next step, and the hash of the one before."""

    step: int
    hash: int


def decode_steps(body: bytes, chain: Chain) -> tuple[list[StepRecord], Chain]:
    """Decode the steps of an answer to RUN; return them and the chain of hashes after them.

    Raises WireError where a step number or hash contradicts *chain*: then something was lost,
    repeated or changed between module and harness.
    """
    unpack, crc32, new = OBSERVATION.unpack_from, zlib.crc32, tuple.__new__
    size, delta_size, status_of = OBSERVATION.size, DELTA.size, _STATUS
    view = memoryview(body)
    records: list[StepRecord] = []
    append = records.append
    step, running, at, end = chain.step, chain.hash, 0, len(body)
    try:
        while at < end:
            f = unpack(body, at)
            running = crc32(view[at : at + HASHED], running)
            at += size
            changes: _Changes = _NO_CHANGES
            if f[28]:
                until = at + f[28] * delta_size
                running = crc32(view[at:until], running)
                changes = _changes(view[at:until])
                at = until
            if f[-1] != running or f[0] != step:
                raise _broken(step, f[0], f[-1] == running)
            values = (status_of[f[3]], *f[4:10], *f[11:27], *changes[0])
            seen = new(Observation, values)
            append(new(StepRecord, (step, f[1], f[2], seen, f[27], f[29], f[10], changes[1])))
            step += 1
    except (struct_error, IndexError) as error:
        raise WireError(
            f"the answer to RUN ends within step {step}: {error}", hint="versions differ"
        ) from error
    return records, Chain(step, running)


def _broken(expected: int, found: int, hash_right: bool) -> WireError:
    what = f"its number is {found}" if found != expected else "its hash is wrong"
    return WireError(
        f"step {expected} is not the one that the module wrote: {what}"
        f" (hash {'right' if hash_right else 'wrong'})",
        hint="a fault of module, agent or wire; the trace up to the step before is sound",
    )


_Changes = tuple[tuple[tuple[object, ...], ...], tuple[int, ...]]
_NO_CHANGES: _Changes = ((_NOTHING,) * 7, _NOTHING)


def _changes(data: memoryview) -> _Changes:
    """Deltas by kind, each sorted, and the steps of the completions."""
    slots, windows, saved, done, dead = [], [], [], [], []
    interrupts, checkpoints = [], []
    new = tuple.__new__
    for kind, aux, index, a, bc, d in DELTA.iter_unpack(data):
        if kind == DELTA_PKMAP:
            slots.append(new(SlotChange, (index, a, bc, d)))
        elif kind == DELTA_WINDOW:
            windows.append(new(WindowChange, (index, bc)))
        elif kind == DELTA_PTEVAL:
            saved.append(new(SavedChange, (index, bc)))
        elif kind == DELTA_DONE:
            done.append((Completion(aux, bc & 0xFFFF_FFFF, d), a))
        elif kind == DELTA_DEAD:
            dead.append(aux)
        elif kind in (DELTA_INTERRUPT, DELTA_INTERRUPT_END):
            depth = index - (index >> 15 << 16)
            interrupts.append(Interrupt(aux, depth, a, bc, d))
        elif kind == DELTA_CHECKPOINT:
            checkpoints.append(Checkpoint(aux, index, a, d))
        else:
            raise WireError(
                f"a delta of kind {kind}", hint="module and harness are of different versions"
            )
    done.sort()
    return (
        (
            _sorted(slots),
            _sorted(windows),
            _sorted(saved),
            tuple(end for end, _ in done),
            _sorted(dead),
            tuple(interrupts),
            tuple(checkpoints),
        ),
        tuple(step for _, step in done),
    )


def _sorted(changes: list[Any]) -> tuple[Any, ...]:
    if len(changes) > 1:
        changes.sort()
    return tuple(changes)


def decode_snapshot(body: memoryview, layout: Layout) -> tuple[Snapshot, Chain]:
    """Decode the whole state and the chain of hashes; raises WireError where lengths disagree."""
    try:
        (
            step,
            running,
            cursor,
            waiters,
            slots,
            first,
            windows,
            tasks,
            pages,
            entries,
            typed,
            *depths,
        ) = SNAPSHOT.unpack_from(body)
        reader = _Reader(body, SNAPSHOT.size)
        counts, ptes = zip(*reader.array(SLOT, slots), strict=True)
        snapshot = Snapshot(
            cursor=cursor,
            waiters=waiters,
            counts=counts,
            ptes=ptes,
            windows=tuple(
                (first + n, pte) for n, (pte,) in enumerate(reader.array(PTE, windows)) if pte
            ),
            tasks=tuple(_task(reader, entries) for _ in range(tasks)),
            cpu_depths=tuple(depths[: layout.online_cpus]),
            page_addresses=tuple(address for (address,) in reader.array(Struct("<I"), pages)),
        )
        snapshot = snapshot._replace(windows=(*snapshot.windows, *_typed(reader, typed)))
    except (struct_error, ValueError) as error:
        raise WireError(
            f"a snapshot of {len(body)} bytes makes no sense: {error}", hint="versions differ"
        ) from error
    if reader.at != len(body):
        raise WireError(
            f"a snapshot has {len(body) - reader.at} bytes too many", hint="versions differ"
        )
    return snapshot, Chain(step, running)


def _typed(reader: "_Reader", count: int) -> Iterator[tuple[int, int]]:
    """Entries of the typed window that are not none, by their indices."""
    yield from ((TYPED_FIRST + n, pte) for n, (pte,) in enumerate(reader.array(PTE, count)) if pte)


class _Reader:
    """Arrays one after another."""

    def __init__(self, body: memoryview, at: int) -> None:
        self.body = body
        self.at = at

    def array(self, layout: Struct, count: int) -> Sequence[tuple[int, ...]]:
        start, self.at = self.at, self.at + layout.size * count
        if self.at > len(self.body):
            raise ValueError(f"{count} times {layout.size} bytes at {start} do not fit")
        return list(layout.iter_unpack(self.body[start : self.at]))


def _task(reader: _Reader, entries: int) -> TaskView:
    ((status, cpu, depth, _),) = reader.array(TASK, 1)
    return TaskView(
        Status(status), cpu, depth, tuple(pte for (pte,) in reader.array(PTE, entries))
    )
