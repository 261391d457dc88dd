"""The first line of a trace: read, checked, written."""

from typing import Any, Final

from harness.model.records.interrupt import Trigger
from harness.model.records.layout import TYPED_FIRST, Generation, Layout
from harness.model.records.operation import Prot
from harness.trace.trace_error import TraceError
from harness.trace.trace_fields import (
    U32,
    U64,
    damaged,
    each,
    flag,
    integer,
    integers,
    members,
    shown,
    text,
)
from harness.trace.trace_records import FORMAT_VERSION, Header

MAGIC: Final = "kmap-harness-trace"
SLOTS_MOST: Final = 1 << 16
CPUS_MOST: Final = 256
WINDOW_MOST: Final = 1 << 10
INDICES_MOST: Final = 1 << 15
CPUS_SEEN_MOST: Final = 32
"""A snapshot has the depths of 32 CPUs (kmod/protocol_obs.h)."""

_KEYS: Final = ("release", "build", "config", "layout", "evidence", "seed", "programs", "qemu")
_LISTS: Final = ("prots", "instructions")
_FUNCTIONS: Final = sum(trigger >= Trigger.MAP for trigger in Trigger)
_LIMITS: Final = {
    "last_pkmap": (0, SLOTS_MOST),
    "fix_kmap_begin": (0, INDICES_MOST - 1),
    "fix_kmap_end": (0, INDICES_MOST - 1),
    "window": (1, WINDOW_MOST),
    "nr_cpus": (1, CPUS_MOST),
    "online_cpus": (1, CPUS_SEEN_MOST),
    "kmap_prot": (0, U64),
    "typed_count": (0, TYPED_FIRST),
}


def header_value(header: Header) -> dict[str, Any]:
    """The first line of a trace."""
    layout = {**header.layout._asdict(), "generation": header.layout.generation.value}
    return {
        MAGIC: header.version,
        "release": header.release,
        "build": header.build,
        "config": header.config_hash,
        "layout": layout,
        "evidence": header.evidence,
        "seed": header.seed,
        "programs": header.programs,
        "qemu": header.qemu,
        "config_symbols": header.config_symbols,
    }


def header_of(value: dict[str, Any]) -> Header:
    """Header of a first line.  Raises TraceError for one that no run has written."""
    if value[MAGIC] != FORMAT_VERSION or type(value[MAGIC]) is not int:
        raise TraceError(
            f"trace format {shown(value[MAGIC])}; this version reads {FORMAT_VERSION}",
            hint="judge it with the version of the harness that wrote it",
        )
    members(value, "the header", _KEYS)
    symbols = value.get("config_symbols")
    return Header(
        text(value["release"], "release"),
        text(value["build"], "build"),
        text(value["config"], "config"),
        _layout(value["layout"]),
        integer(value["evidence"], "evidence", 0, U32),
        integer(value["seed"], "seed", -U64, U64),
        each(value["programs"], "programs", text),
        each(value["qemu"], "qemu", text),
        FORMAT_VERSION,
        None if symbols is None else each(symbols, "config_symbols", text),
    )


def _layout(value: Any) -> Layout:  # noqa: ANN401 - any JSON value
    defaults = Layout._field_defaults
    needed = [name for name in Layout._fields if name not in defaults]
    known = members(value, "layout", needed)
    unknown = [name for name in known if name not in Layout._fields]
    if unknown:
        raise damaged(f"layout has {shown(unknown[0])}, which this version does not know")
    layout = Layout(**{name: _layout_field(name, one) for name, one in known.items()})
    _check_sense(layout)
    return layout


def _layout_field(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """One field of a layout, by the type that the record gives it."""
    place = f"layout.{name}"
    if name == "generation":
        if value not in [one.value for one in Generation]:
            raise damaged(f"{place} is {shown(value)}, which is no generation")
        return Generation(value)
    if name in _LISTS:
        return each(value, place, integers(0, U64), most=max(len(Prot), _FUNCTIONS))
    if name == "windows":
        return each(value, place, integers(-INDICES_MOST, INDICES_MOST), most=3)
    if Layout.__annotations__[name] in ("bool", bool):
        return flag(value, place)
    return integer(value, place, *_LIMITS.get(name, (0, U32)))


def _check_sense(layout: Layout) -> None:
    """Raise TraceError for numbers of which no kernel has all."""
    if layout.online_cpus > layout.nr_cpus:
        raise damaged(f"layout has {layout.online_cpus} CPUs of {layout.nr_cpus}")
    if layout.fix_kmap_begin + layout.window * layout.nr_cpus - 1 > layout.fix_kmap_end:
        raise damaged("layout.fix_kmap_end is before the end of the windows of all CPUs")
    lists = (("prots", Prot.DEVICE), ("instructions", _FUNCTIONS), ("windows", 3))
    for name, count in lists:
        if len(getattr(layout, name)) not in (0, count):
            raise damaged(f"layout.{name} has {len(getattr(layout, name))} values, not {count}")
