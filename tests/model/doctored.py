"""Observations that are not what happened: each lie changes one thing of what was seen."""

from harness.model.records.observation import (
    Completion,
    Observation,
    SavedChange,
    SlotChange,
    Status,
    WindowChange,
)

BLINDS = ("stale_reused", "stale_left", "waiters", "depth", "migrate")


def _changed(name, how):
    return lambda seen: seen._replace(**{name: how(getattr(seen, name))})


def _around(name, *values):
    return [
        (f"{name}{value:+}", _changed(name, lambda old, by=value: old + by)) for value in values
    ]


def _set(name, *values):
    told = ((getattr(value, "name", value), value) for value in values)
    return [(f"{name}={word}", _changed(name, lambda _, now=value: now)) for word, value in told]


def _first(name, change):
    """The first of the changes seen is another, or none where *change* says so."""

    def lie(seen: Observation) -> Observation:
        entries = getattr(seen, name)
        if not entries:
            return seen
        other = change(entries[0])
        return seen._replace(**{name: entries[1:] if other is None else (other, *entries[1:])})

    return lie


_AROUND = {
    "cpu": (1, -1), "value": (0x1000, 8, -0x1000), "pte": (2, 0x1000), "page_address": (0x1000,),
    "waiters": (1, -1), "preempt": (1, -1), "pagefault": (1,), "migrate": (1, -1),
    "depth": (1, -1, 2), "cursor": (1,), "flush_cpus": (-1,), "invlpgs": (1, -1),
    "invlpg_address": (0x1000,), "wakes": (1,), "warns": (1,),
}  # fmt: skip


def _values(layout, other):
    begin = layout.fix_kmap_begin
    return {
        "value": (0, layout.pkmap_address(0), layout.fixaddr(begin), layout.fixaddr(begin + 1)),
        "pte": (0, other), "page_address": (0, layout.pkmap_address(1)), "flush_ranges": (0, 1),
        "flush_cpus": (0, 1), "flush_dirty": (1,), "flush_odd": (1,), "invlpgs": (0,),
        "dead": ((1,),),
        "warns": (0,),
        "stale_reused": (1,), "stale_left": (1,),
    }  # fmt: skip


def _nothing(_):
    return None


def _of_slots(layout, other):
    return {
        "unseen": _nothing,
        "count+1": lambda c: c._replace(count=c.count + 1),
        "count-1": lambda c: c._replace(count=c.count - 1),
        "clean": lambda c: c._replace(count=0, pte=0, address=0),
        "pte=0": lambda c: c._replace(pte=0),
        "pte other": lambda c: c._replace(pte=other),
        "pte flags": lambda c: c._replace(pte=c.pte ^ 0x10),
        "address=0": lambda c: c._replace(address=0),
        "address own": lambda c: c._replace(address=layout.pkmap_address(c.slot)),
        "address other": lambda c: c._replace(address=layout.pkmap_address(c.slot + 1)),
        "elsewhere": lambda c: c._replace(slot=(c.slot + 1) % 3),
    }


def _of_entries(other):
    return {
        "unseen": _nothing,
        "none": lambda c: c._replace(pte=0),
        "other": lambda c: c._replace(pte=other),
    }


_OF_WINDOWS = {"elsewhere": lambda c: c._replace(index=c.index + 1)}
_OF_DONE = {"unseen": _nothing, "elsewhere": lambda c: c._replace(result=c.result + 0x1000)}


def _more(machine, other):
    """Lies that add something."""
    layout = machine.layout
    at = layout.pkmap_address
    own = SlotChange(2, 2, machine.ptes[3], at(2))
    clean = tuple(SlotChange(n, 0, 0, 0) for n in range(3))
    twice = tuple(SlotChange(n, 2, other, at(n)) for n in range(2))
    entries = tuple(WindowChange(layout.fix_kmap_begin + n, 0) for n in range(8))
    put = WindowChange(layout.fix_kmap_begin, other)
    saved = (SavedChange(layout.window - 1, other),) if machine.local else ()
    return {
        "another slot": lambda seen: seen._replace(
            slots=(*(c for c in seen.slots if c.slot != 2), own)
        ),
        "two slots": lambda seen: seen._replace(slots=twice),
        "all clean": lambda seen: seen._replace(slots=clean),
        "all flushed": lambda seen: seen._replace(
            flush_ranges=1, flush_cpus=layout.online_cpus, slots=clean
        ),
        "another window": lambda seen: seen._replace(windows=(*seen.windows, put)),
        "windows clear": lambda seen: seen._replace(windows=entries),
        "another saved": lambda seen: seen._replace(saved=(*seen.saved, *saved)),
        "somebody done": lambda seen: seen._replace(
            done=(*seen.done, Completion(1, at(1), at(1)))
        ),
    }


def lies(machine):
    """(name, doctored) for *machine*."""
    layout, other = machine.layout, machine.ptes[1]
    found = _set("status", *Status)
    for name, steps in _AROUND.items():
        found += _around(name, *steps)
    for name, values in _values(layout, other).items():
        found += _set(name, *values)
    for field, word, changes in (
        ("slots", "slot", _of_slots(layout, other)),
        ("windows", "window", _of_entries(other) | _OF_WINDOWS),
        ("saved", "saved", _of_entries(other)), ("done", "done", _OF_DONE),
    ):  # fmt: skip
        found += [(f"{word} {what}", _first(field, change)) for what, change in changes.items()]
    return [*found, *_more(machine, other).items()]
