"""The cells of a check: each is a configuration on a machine, with the programs that run there."""

from dataclasses import dataclass

from harness.check.lane import Workload

USUAL = "usual"
"""The machine that a kernel is judged on where nobody asks for another."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One configuration on one machine.

    ``machine`` holds the words that tell it from the usual one, joined by ``+``; ``why`` the
    reason for which a check has chosen it by itself.
    """

    config: str
    workload: Workload
    machine: str = ""
    why: str = ""

    @property
    def words(self) -> str:
        """The cell as people read it."""
        return f"{self.config}, {self.machine}" if self.machine else self.config
