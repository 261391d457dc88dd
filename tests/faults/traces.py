"""A trace of the model's own guest, and what a fault makes of it."""

import copy
import gzip
import json

from harness.scenario.program import boot
from harness.trace.trace_file import TraceWriter
from harness.trace.trace_records import Begin, End, Header, Sync, WitnessView
from tests.compare.model_guest import FULL, RELEASES, SMALL, ModelGuest, program

TEXT = """title: a trace
tasks: a@0 b@1
pages: high 3, low 1
a: m0 = kmap h0 -> slot start+1
b: m1 = kmap_local_page h1
a: interrupt map+2 task h1 1
a: hardirq { m2 = kmap_atomic h2; kunmap_atomic m2+5 }
b: kunmap_local m1
a: kunmap h0
"""
HEADER = Header(
    RELEASES[SMALL.generation], "#1 SMP", "c0ffee", SMALL, FULL, 17, ("p",), ("qemu", "-m 512")
)


def rest(guest):
    """A synchronisation point of a guest that nobody has used: all witnesses agree."""
    start = guest.start
    return Sync(0, start, WitnessView(start.ptes, start.windows, start.counts, "CR3 of CPU 0"))


def records(text=TEXT, layout=SMALL):
    """The boot and one program, as a run writes them."""
    source = program(text, layout)
    nothing = ModelGuest(layout, boot())
    guest = ModelGuest(layout, source)
    steps = list(guest.steps())
    return [
        Begin(boot(), (), nothing.start),
        rest(nothing),
        End(0),
        Begin(source, guest.machine.pages, guest.start),
        rest(guest),
        *steps,
        Sync(len(steps), None, None),
        End(len(steps)),
    ]


def write_trace(path, header=HEADER, found=None):
    """Write a trace as a run does; returns its lines as JSON values."""
    with TraceWriter(path, header) as writer:
        for record in found or records():
            writer.write(record)
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def store(path, lines):
    """Write *lines*, JSON values, as a trace."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), 1))


def altered(value, place, new):
    """*value* with what stands at *place*, a path of keys, replaced by *new*."""
    if not place:
        return new
    value = copy.copy(value)
    value[place[0]] = altered(value[place[0]], place[1:], new)
    return value


def places(value, place=()):
    """The paths of all values in *value*, lists and objects included."""
    items = enumerate(value) if isinstance(value, list) else ()
    for key, one in value.items() if isinstance(value, dict) else items:
        yield from places(one, (*place, key))
    yield place
