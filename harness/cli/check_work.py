"""The user's words about the programs of a check, and the request that they make."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

from harness.base import project
from harness.base.held_folders import output_folder
from harness.check.cell_choice import CellWishes, chosen_cells
from harness.check.check_request import CheckRequest
from harness.check.lane import Workload
from harness.check.touched import chosen_sweeps, touches_notices
from harness.cli.check_options import STEPS
from harness.compare.known_bugs_file import load_known_bugs
from harness.guest.shape_words import parse_shape
from harness.patch.patch import Patch
from harness.run.programs import Plan, read_plan
from harness.run.scenario_files import scenario_files


class CheckWork(NamedTuple):
    """The patches, and the options that say which programs run on them."""

    patches: tuple[Patch, ...]
    scenarios: list[Path] | None
    expression: str
    sweeps: str
    seed: int
    steps: int | None
    shape: str
    throwaway: bool
    histories: int
    known_bugs: Path | None

    @property
    def chosen(self) -> bool:
        """Tell whether the programs are named: then nothing runs that nobody has asked for."""
        return bool(self.scenarios or self.expression or self.histories)

    @property
    def swept(self) -> tuple[Path, ...]:
        """The sweeps that the patches call for."""
        return () if self.chosen else chosen_sweeps(self.sweeps, self.patches)

    @property
    def wrong_use(self) -> bool:
        """Tell whether the patches alone call for wrong use."""
        return not (self.chosen or self.throwaway) and touches_notices(self.patches)

    def plan(self, sweeps: tuple[Path, ...]) -> Plan:
        """The scenarios, the sweeps, and generated steps unless scenarios are named."""
        files = scenario_files(self.scenarios or [], project.SCENARIOS, self.expression)
        wanted = (0 if self.chosen else STEPS) if self.steps is None else self.steps
        return read_plan((*files, *sweeps), self.seed, wanted)

    def request(
        self, place: Path, wishes: CellWishes, out: Path | None, base: str, *, strict: bool
    ) -> CheckRequest:
        """The request for a check of the tree at *place*.

        An *out* that the user has named gets the build folders of patched kernels, too.
        """
        cells, left = chosen_cells(wishes, self.patches, self._workload(), self.plan(()))
        return CheckRequest(
            place,
            self.patches,
            cells,
            output_folder(out, "check"),
            base,
            strict,
            out is not None,
            machine=self.shape,
            chosen=self._options(),
            sweeps=self.sweeps,
            notes=self._notes(),
            left_out=left,
        )

    def _workload(self) -> Workload:
        bugs = load_known_bugs(self.known_bugs, date.today())
        throwaway = self.throwaway or self.wrong_use
        plan = self.plan(self.swept)
        return Workload(parse_shape(self.shape), plan, throwaway, self.histories, bugs)

    def _options(self) -> tuple[tuple[str, str], ...]:
        """The choice of scenarios: pairs of an option and its value."""
        named = tuple(("--scenario", str(one)) for one in self.scenarios or ())
        return (*named, *((("-k", self.expression),) * bool(self.expression)))

    def _notes(self) -> tuple[str, ...]:
        """Notes of the report on the programs that run because of what the patch touches."""
        names = ", ".join(file.stem for file in self.swept)
        sweeps = f"interrupted at every instruction of what the patch touches: {names}"
        misuse = "wrong use in guests of its own, as the patch touches a BUG or a warning"
        return (*((sweeps,) * bool(self.swept)), *((misuse,) * self.wrong_use))
