"""Divergences in words: one line, and the lines that show what differs."""

from collections.abc import Iterator

from harness.compare.divergence import AllowedOutcome, Divergence
from harness.compare.picture import picture, scenario_names
from harness.model.records.observation import Observation
from harness.scenario.program_text import operation_text

_LONGEST = 100
_PICTURED = frozenset({"slots", "windows"})
_HEX = frozenset({"value", "pte", "page_address", "preempt", "invlpg_address", "stale_address"})


def operation_words(one: Divergence) -> str:
    """The operation as a scenario has it, or what was looked at where there is none."""
    if one.operation is None:
        return "synchronisation point" if one.witnesses else "the state at rest"
    words = operation_text(one.operation, one.pools)
    return f"{one.task}: {words}" if one.task else words


def summary(one: Divergence) -> str:
    """One line: where, what, which fields."""
    place = f"{one.program}:{one.line}" if one.line else one.program
    fields = ", ".join(one.fields) or "; ".join(one.reasons)
    return f"{place} step {one.step}: {operation_words(one)}: {one.layer.value} ({fields})"


def field_words(name: str, value: object) -> str:
    """A field's value as people read it."""
    if isinstance(value, tuple):
        return "(" + ", ".join(_change(item) for item in value) + ")"
    if name in _HEX and isinstance(value, int):
        return f"{value:#x}"
    return str(getattr(value, "name", value))


def _change(item: object) -> str:
    if hasattr(item, "_asdict"):
        return " ".join(f"{key}={_number(key, number)}" for key, number in item._asdict().items())
    return str(item)


def _number(key: str, number: int) -> str:
    return f"{number:#x}" if key in ("pte", "address", "result") else str(number)


def difference_lines(one: Divergence) -> Iterator[str]:
    """Seen and allowed values by field, nearest outcome first; the picture shows the slots."""
    if one.seen is None:
        return
    for allowed in sorted(one.allowed, key=lambda a: len(a.differs))[:3]:
        yield f"allowed by {allowed.rule}:"
        yield from _fields(one.seen, allowed)


def _fields(seen: Observation, allowed: AllowedOutcome) -> Iterator[str]:
    for name in allowed.differs:
        if name in _PICTURED:
            yield from _addresses(seen, allowed.observation) if name == "slots" else ()
            continue
        want = field_words(name, getattr(allowed.observation, name))
        shown = _shorter(field_words(name, getattr(seen, name)))
        yield f"  {name:15} seen {shown}, allowed {_shorter(want)}"


def _addresses(seen: Observation, allowed: Observation) -> Iterator[str]:
    """Slots of which only the address of their page differs, which no picture shows."""
    wanted = {change.slot: change for change in allowed.slots}
    for change in seen.slots:
        want = wanted.get(change.slot)
        if want and change != want and change == want._replace(address=change.address):
            shown = f"page_address {change.address:#x} seen, {want.address:#x} allowed"
            yield f"  slot {change.slot:<10} {shown}"


def _shorter(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " ..."


def picture_lines(one: Divergence) -> Iterator[str]:
    """The slots around the divergence, before, seen and allowed; and which witness is alone."""
    if one.machine is not None:
        yield from picture(one.machine, one, scenario_names(one.pools)).splitlines()
