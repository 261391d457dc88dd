"""Operator mutants tried: one kernel has them all, and a guest restored with a number in its memory has one."""

import mmap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.errors import InfrastructureError
from harness.guest.guest import Guest
from harness.guest.template import Parts, obtain_template
from harness.kernel.progress import Quiet
from harness.mutants.attempt import Means
from harness.mutants.catalogue import Kind, Mutant
from harness.mutants.edit import replace_file
from harness.mutants.field import Field
from harness.mutants.operators import FILE, PARAMETER, OperatorMutant, schemata
from harness.mutants.score import Attempt, Found, found_in
from harness.run.job import Request, Stopwatch, judge
from harness.run.prepare import Prepared
from harness.run.result import RunResult

_PAGE_OFFSET = 0xC000_0000
"""Where the direct map begins in every kernel of the catalogue; without KASLR the image lies where it is linked."""


@contextmanager
def with_operators(field: Field) -> Iterator[tuple[Prepared, tuple[OperatorMutant, ...]]]:
    """The kernel with all operator mutants in it, none switched on, and what they are."""
    path = field.tree.source / FILE
    original = path.read_bytes()
    made = schemata(original.decode())
    try:
        replace_file(path, made.text.encode())
        yield field.rebuilt(Quiet()), made.mutants
    finally:
        replace_file(path, original)


def described(mutant: OperatorMutant) -> Mutant:
    """The operator mutant as an entry of a catalogue."""
    return Mutant(mutant.name, Path(FILE), Kind.OPERATOR, (FILE,), mutant.name)


def attempt_operator(mutant: OperatorMutant, prepared: Prepared, means: Means) -> Attempt:
    """Restore the kernel that has all operator mutants with this one switched on, and run the plan."""
    started = time.monotonic()
    found, where, what = found_in(_judged(prepared, means, mutant.number))
    return Attempt(described(mutant), found, where, what, run=time.monotonic() - started)


def require_none(prepared: Prepared, means: Means) -> None:
    """Raise InfrastructureError where the kernel is reported although none of its mutants is switched on."""
    found, where, what = found_in(_judged(prepared, means, 0))
    if found is not Found.NOTHING:
        raise InfrastructureError(
            f"the kernel with all operator mutants is reported with none switched on: {where}: {what}"
        )


def _judged(prepared: Prepared, means: Means, number: int) -> RunResult:
    request = Request("", None, means.shape, means.plan, means.out, briefly=True)
    launch = partial(_restored, prepared=prepared, number=number)
    return judge(prepared, request, Quiet(), Stopwatch(), launch=launch)


def _restored(parts: Parts, out: Path, *, prepared: Prepared, number: int) -> Guest:
    """A guest that waits for its first operation, and in whose memory the number stands."""
    template = obtain_template(parts, out)
    at = _address(prepared) - _PAGE_OFFSET
    with TemporaryDirectory(dir=out) as folder:
        copy = template.copied(Path(folder))
        with (copy.folder / "memory").open("r+b") as memory, mmap.mmap(memory.fileno(), 0) as image:
            image[at : at + 4] = number.to_bytes(4, "little")
        return copy.restore(out)


def _address(prepared: Prepared) -> int:
    """Of the variable that says which mutant is switched on."""
    path = prepared.kernel.system_map
    assert path is not None, "a tree that was built has its System.map"
    for line in path.read_text(encoding="ascii").splitlines():
        address, _, name = line.split()
        if name == PARAMETER:
            return int(address, 16)
    raise InfrastructureError(f"{path} has no {PARAMETER}")
