"""A guest that counts instructions and finds its requests in its initramfs repeats itself."""

from dataclasses import replace
from random import Random

import pytest

from harness.guest.shape import Shape
from harness.guest.template import GuestParts
from harness.model.records.operation import OpCode, Operation
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate

pytestmark = pytest.mark.guest

COUNTED = Shape(smp=1, icount=True)

SPEAK = [
    Operation(OpCode.KMAP_LOCAL, page=0, reg=0),
    Operation(OpCode.KMAP_LOCAL, page=1, reg=1),
    Operation(OpCode.KMAP_TO_PAGE, reg=1),
    Operation(OpCode.KUNMAP_LOCAL, reg=1),
    Operation(OpCode.KUNMAP_LOCAL, reg=0),
]
"""A warning of some 2,000 bytes on the console (__kmap_to_page(), 6.1)."""


def drive(guest):
    """A generated program: its steps with their cycles, and what was seen from outside after it.

    Without the typed window, which each guest has at another address: the witness leaves it out.
    """
    layout, facts = guest.info()
    guest.probes(facts.evidence)
    program = generate(
        Facts(layout._replace(typed_count=0)), Random(5), Wishes(1500, exhaust=False)
    )
    for kind, count in program.pools:
        guest.pool(kind, count)
    guest.tasks(program.tasks)
    steps = guest.run(SPEAK) + guest.run(program.operations)
    seen, snapshot = guest.witness(), guest.snapshot()
    if seen is not None:
        assert any(seen.ptes)
        assert (seen.ptes, seen.windows) == (snapshot.ptes, snapshot.windows)
    guest.reset()
    return steps, seen


def played(parts, workdir, script):
    """All steps of a guest that has executed *script*, and its console until then."""
    workdir.mkdir()
    with parts.boot(workdir, script) as guest:
        assert guest.scripted
        steps, seen = drive(guest)
        lines = guest.session.console.tail(1000)
        assert (seen is not None) == parts.shape.icount
    return steps, lines[: next(at for at, line in enumerate(lines) if "script of" in line)]


@pytest.fixture(scope="module")
def counted(pae):
    return GuestParts(pae.kernel, COUNTED, pae.module, pae.agent)


@pytest.fixture(scope="module")
def ordinary(pae, tmp_path_factory):
    """The script, and the steps of the guest over a link that it was recorded in."""
    folder = tmp_path_factory.mktemp("ordinary")
    with pae.boot(folder, smp=1) as guest:
        recorder = guest.record()
        steps, _ = drive(guest)
        return guest.script(recorder), steps


def test_bit_for_bit_the_same(counted, ordinary, tmp_path):
    """Observations, instructions of each step, and every line of the console with its time."""
    script, steps = ordinary
    first = played(counted, tmp_path / "a", script)
    assert len(first[0]) == len(steps) > 1500
    assert first == played(counted, tmp_path / "b", script)
    assert any("WARNING" in line for line in first[1])


def test_without_the_instruction_clock_it_is_not(counted, ordinary, tmp_path):
    script, _ = ordinary
    timed = counted._replace(shape=replace(COUNTED, icount=False))
    (first, said), (second, said_again) = (played(timed, tmp_path / name, script) for name in "ab")
    assert [step.cycles for step in first] != [step.cycles for step in second]
    assert said != said_again
