"""Judgements of bases, stored between checks: most checks use a base that an earlier one ran."""

from pathlib import Path

from harness.base.cache import Cache
from harness.base.fingerprint import harness_fingerprint, key_of
from harness.base.memo import Memo
from harness.check.cell import Cell
from harness.check.check_request import CheckRequest, KernelBuilder
from harness.check.judging import Judgement
from harness.check.stored_judgement import judgement_of, judgement_value
from harness.guest.template import emulator
from harness.patch.patch_base import PatchBase
from harness.patch.scratch import Scratch


class BaseMemo:
    """The stored judgements of one base, one for each cell."""

    def __init__(
        self, request: CheckRequest, builder: KernelBuilder, scratch: Scratch, base: PatchBase
    ) -> None:
        self._request, self._builder, self._scratch, self._base = request, builder, scratch, base
        self._memo = Memo(Cache.default(), "judgements")

    def load(self, cell: Cell) -> Judgement | None:
        """The stored judgement, or None."""
        value = self._memo.load(self.key(cell))
        return judgement_of(value) if value else None

    def save(self, cell: Cell, judgement: Judgement) -> None:
        """Store *judgement*, unless it says that the base could not be judged."""
        if not judgement.error:
            self._memo.save(self.key(cell), judgement_value(judgement))

    def key(self, cell: Cell) -> str:
        """A text that names everything that the judgement in *cell* depends on."""
        workload = cell.workload
        return key_of(
            (
                self._base.content,
                self._builder.fingerprint(cell.config, self._kconfig_folder),
                repr(workload.shape),
                repr(workload.plan),
                str(workload.throwaway),
                str(workload.histories),
                workload.known_bugs.identity(),
                emulator(workload.shape),
                harness_fingerprint(),
            )
        )

    @property
    def _kconfig_folder(self) -> Path:
        """A folder with the base's Kconfig files; the scratch may still be empty."""
        return self._scratch.source if self._request.kernel else self._request.tree
