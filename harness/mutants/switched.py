"""Many mutants in one kernel: a number in the guest's memory switches one of them on.

The number is written into the memory of a restored guest.  Its template was booted with none
switched on, so a mutant that would not boot is judged like any other.
"""

import mmap
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from harness.base.progress import Quiet
from harness.base.system_map import map_symbols
from harness.errors import InfrastructureError
from harness.guest.running_guest import Guest
from harness.guest.template import GuestParts, Template, obtain_template
from harness.kernel.tree import BuildFailedError
from harness.mutants.attempt import TrialSetup, attempt_switched
from harness.mutants.join import join
from harness.mutants.mutant_catalogue import Mutant, MutantKind
from harness.mutants.operators import FILE, PARAMETER, schemata, with_prelude
from harness.mutants.score import Attempt, Detection
from harness.mutants.shared_tree import SharedTree
from harness.mutants.source_edit import PatchError, mutated, replace_file
from harness.run.prepare import Prepared
from harness.run.run_request import Launch

_IN_FUNCTION = re.compile(r"In function .\w+?__(\d+).:")
"""The compiler's line before an error in a mutant; the number is the mutant's."""


@dataclass(frozen=True, slots=True)
class Switchboard:
    """A kernel with many mutants in it, and the number of each by name."""

    prepared: Prepared
    numbers: Mapping[str, int]

    def attempt(self, mutant: Mutant, setup: TrialSetup) -> Attempt:
        """Judge the kernel with *mutant* switched on."""
        return attempt_switched(mutant, self.prepared, setup, self.launch(mutant))

    def launch(self, mutant: Mutant) -> Launch:
        """What starts a guest with *mutant* switched on."""
        return partial(self._restored, self.numbers[mutant.name])

    def require_none(self, setup: TrialSetup) -> None:
        """Raise InfrastructureError if the kernel is reported with no mutant switched on."""
        none = Mutant("none", Path(FILE), MutantKind.HARMLESS, (), "nothing")
        found = attempt_switched(none, self.prepared, setup, partial(self._restored, 0))
        if found.found is not Detection.NOTHING:
            raise InfrastructureError(
                "the kernel with all mutants is reported with none switched on: "
                f"{found.where}: {found.what}"
            )

    def lasting_launch(self, mutant: Mutant, folder: Path) -> Launch:
        """As ``launch``, for many guests: one copy of the memory lies in *folder* for all."""
        number, lock = self.numbers[mutant.name], Lock()
        made: list[Template] = []

        def start(parts: GuestParts, out: Path) -> Guest:
            with lock:
                if not made:
                    made.append(self._switched(number, parts, folder, out))
            return made[0].restore(out)

        return start

    def _restored(self, number: int, parts: GuestParts, out: Path) -> Guest:
        """A guest that waits for its first operation, with *number* in its memory."""
        with TemporaryDirectory(dir=out) as folder:
            return self._switched(number, parts, Path(folder), out).restore(out)

    def _switched(self, number: int, parts: GuestParts, folder: Path, out: Path) -> Template:
        """A copy of the template in *folder*, with *number* in its memory."""
        copy, at = obtain_template(parts, out).copied(folder), self._place()
        with (
            (copy.folder / "memory").open("r+b") as memory,
            mmap.mmap(memory.fileno(), 0) as image,
        ):
            image[at : at + 4] = number.to_bytes(4, "little")
        return copy

    def _place(self) -> int:
        """The physical address of the variable that holds the number."""
        kernel = self.prepared.kernel
        assert kernel.system_map is not None, "a tree that was built has its System.map"
        names = (PARAMETER, *kernel.architecture.paging.entry_symbols)
        found = map_symbols(kernel.system_map, names)
        if len(found) < len(names):
            raise InfrastructureError(f"{kernel.system_map} lacks one of {', '.join(names)}")
        address, physical, direct = (found[name] for name in names)
        return address - (direct - physical)


def all_operators(shared: SharedTree) -> tuple[Switchboard, tuple[Mutant, ...]]:
    """Build the kernel with all operator mutants, and list them."""
    made = schemata((shared.tree.source / FILE).read_text(encoding="utf-8"))
    numbers = {one.name: one.number for one in made.mutants}
    mutants = tuple(
        Mutant(name, Path(FILE), MutantKind.OPERATOR, (FILE,), name) for name in numbers
    )
    with _replaced(shared, {FILE: made.text}):
        return Switchboard(shared.rebuilt(Quiet()), numbers), mutants


def all_in_one(shared: SharedTree, mutants: tuple[Mutant, ...]) -> Switchboard:
    """Build a kernel with those of *mutants* that fit into one and compile in it."""
    numbers = {one.name: number for number, one in enumerate(mutants, start=1)}
    texts, apart = _texts(shared.tree.source, mutants, numbers)
    try:
        return _joined(shared, texts, numbers, apart)
    except BuildFailedError as error:
        bad = {
            int(number) for number in _IN_FUNCTION.findall(error.log.read_text(encoding="utf-8"))
        }
        if not bad:
            raise
        return _joined(shared, texts, numbers, apart | bad)


def _joined(
    shared: SharedTree,
    texts: Mapping[str, Mapping[int, str]],
    numbers: Mapping[str, int],
    apart: set[int],
) -> Switchboard:
    contents = {FILE: (shared.tree.source / FILE).read_text(encoding="utf-8")}
    apart = set(apart)
    for name, variants in texts.items():
        original = (shared.tree.source / name).read_text(encoding="utf-8")
        joined = join(
            original, {number: text for number, text in variants.items() if number not in apart}
        )
        contents[name] = joined.text
        apart |= joined.apart
    contents[FILE] = with_prelude(contents[FILE])
    with _replaced(shared, contents):
        prepared = shared.rebuilt(Quiet())
    return Switchboard(
        prepared, {name: number for name, number in numbers.items() if number not in apart}
    )


def _texts(
    source: Path, mutants: tuple[Mutant, ...], numbers: Mapping[str, int]
) -> tuple[dict[str, dict[int, str]], set[int]]:
    """The text of each changed file with each mutant, and the mutants that must run alone.

    A race runs alone, since gates are found in the functions themselves and not in their copies;
    so does a patch that does not apply.
    """
    texts: dict[str, dict[int, str]] = {}
    apart = {numbers[one.name] for one in mutants if one.kind is MutantKind.RACE}
    for mutant in mutants:
        try:
            with mutated(mutant, source) as edit:
                for name in edit.files:
                    text = (source / name).read_text(encoding="utf-8")
                    texts.setdefault(name, {})[numbers[mutant.name]] = text
        except PatchError:
            apart.add(numbers[mutant.name])
    return texts, apart


@contextmanager
def _replaced(shared: SharedTree, contents: Mapping[str, str]) -> Iterator[None]:
    """Replace files of the source by *contents* while the block runs."""
    before = {name: (shared.tree.source / name).read_bytes() for name in contents}
    try:
        for name, text in contents.items():
            replace_file(shared.tree.source / name, text.encode())
        yield
    finally:
        for name, content in before.items():
            replace_file(shared.tree.source / name, content)
