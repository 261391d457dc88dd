"""Observations that are not what happened: each lie changes one thing of what was seen."""

from harness.model.observation import Completion, Observation, SavedChange, SlotChange, Status, WindowChange

BLINDS = ("flush_ranges", "flush_cpus", "waiters", "invlpgs", "depth", "migrate")


def _around(name, *values):
    return [
        (f"{name}+{value}", lambda seen, v=value: seen._replace(**{name: getattr(seen, name) + v}))
        for value in values
    ]


def _set(name, *values):
    return [(f"{name}={value}", lambda seen, v=value: seen._replace(**{name: v})) for value in values]


def _first(name, change):
    """The first of the changes seen is another, or none where *change* says so."""

    def lie(seen: Observation) -> Observation:
        entries = getattr(seen, name)
        if not entries:
            return seen
        other = change(entries[0])
        return seen._replace(**{name: entries[1:] if other is None else (other, *entries[1:])})

    return lie


def lies(machine):
    """(name, doctored) for *machine*."""
    layout = machine.layout
    other, begin = machine.ptes[1], layout.fix_kmap_begin
    found = [(f"status={status.name}", lambda seen, s=status: seen._replace(status=s)) for status in Status]
    for name, steps in (
        ("cpu", (1, -1)), ("value", (0x1000, 8, -0x1000)), ("pte", (2, 0x1000)), ("page_address", (0x1000,)), ("waiters", (1, -1)),
        ("preempt", (1, -1)), ("pagefault", (1,)), ("migrate", (1, -1)), ("depth", (1, -1, 2)), ("cursor", (1,)),
        ("flush_cpus", (-1,)), ("invlpgs", (1, -1)), ("invlpg_address", (0x1000,)), ("wakes", (1,)), ("warns", (1,)),
    ):  # fmt: skip
        found += _around(name, *steps)
    for name, values in (
        ("value", (0, layout.pkmap_address(0), layout.fixaddr(begin), layout.fixaddr(begin + 1))), ("pte", (0, other)),
        ("page_address", (0, layout.pkmap_address(1))), ("flush_ranges", (0, 1)), ("flush_cpus", (0, 1)),
        ("flush_dirty", (1,)), ("flush_odd", (1,)), ("invlpgs", (0,)), ("dead", ((1,),)),
    ):  # fmt: skip
        found += _set(name, *values)
    found += [(f"slot {what}", _first("slots", change)) for what, change in (
        ("unseen", lambda c: None), ("count+1", lambda c: c._replace(count=c.count + 1)), ("count-1", lambda c: c._replace(count=c.count - 1)),
        ("clean", lambda c: c._replace(count=0, pte=0, address=0)), ("pte=0", lambda c: c._replace(pte=0)), ("pte other", lambda c: c._replace(pte=other)),
        ("pte flags", lambda c: c._replace(pte=c.pte ^ 0x10)), ("address=0", lambda c: c._replace(address=0)), ("address own", lambda c: c._replace(address=layout.pkmap_address(c.slot))),
        ("address other", lambda c: c._replace(address=layout.pkmap_address(c.slot + 1))), ("elsewhere", lambda c: c._replace(slot=(c.slot + 1) % 3)),
    )]  # fmt: skip
    found += [(f"window {what}", _first("windows", change)) for what, change in (
        ("unseen", lambda c: None), ("none", lambda c: c._replace(pte=0)), ("other", lambda c: c._replace(pte=other)), ("elsewhere", lambda c: c._replace(index=c.index + 1)),
    )]  # fmt: skip
    found += [(f"saved {what}", _first("saved", change)) for what, change in (
        ("unseen", lambda c: None), ("none", lambda c: c._replace(pte=0)), ("other", lambda c: c._replace(pte=other)),
    )]  # fmt: skip
    found += [(f"done {what}", _first("done", change)) for what, change in (
        ("unseen", lambda c: None), ("elsewhere", lambda c: c._replace(result=c.result + 0x1000)),
    )]  # fmt: skip
    extra_slot = SlotChange(2, 2, machine.ptes[3], layout.pkmap_address(2))
    found += [
        ("another slot", lambda seen: seen._replace(slots=(*(c for c in seen.slots if c.slot != 2), extra_slot))),
        ("two slots", lambda seen: seen._replace(slots=tuple(SlotChange(n, 2, other, layout.pkmap_address(n)) for n in range(2)))),
        ("all clean", lambda seen: seen._replace(slots=tuple(SlotChange(n, 0, 0, 0) for n in range(3)))),
        ("all flushed", lambda seen: seen._replace(flush_ranges=1, flush_cpus=layout.online_cpus, slots=tuple(SlotChange(n, 0, 0, 0) for n in range(3)))),
        ("another window", lambda seen: seen._replace(windows=(*seen.windows, WindowChange(begin, other)))),
        ("windows clear", lambda seen: seen._replace(windows=tuple(WindowChange(begin + n, 0) for n in range(8)))),
        ("another saved", lambda seen: seen._replace(saved=(*seen.saved, SavedChange(layout.window - 1, other))) if machine.local else seen),
        ("somebody done", lambda seen: seen._replace(done=(*seen.done, Completion(1, layout.pkmap_address(1), layout.pkmap_address(1))))),
    ]  # fmt: skip
    return found
