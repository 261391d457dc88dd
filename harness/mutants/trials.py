"""Trials of many mutants on one kernel: all in one kernel where they can be, the others alone."""

from dataclasses import dataclass, replace
from typing import Protocol

from harness.guest.shape_words import parse_shape
from harness.mutants.attempt import TrialSetup, attempt
from harness.mutants.attempt_log import AttemptLog
from harness.mutants.mutant_catalogue import Mutant
from harness.mutants.score import Attempt
from harness.mutants.shared_tree import SharedTree
from harness.mutants.switched import all_in_one, all_operators

PAE = "pae"
"""The word of a mutant's shape that asks for a PAE kernel, and says nothing about the machine."""
TOGETHER = 4
"""With fewer mutants, a kernel for each is cheaper than one with all of them, which also needs
a template."""


class TrialListener(Protocol):
    """Hears of the trials while they run."""

    def planned(self, total: int) -> None:
        """There are *total* mutants, with those that were tried before."""

    def coming(self, mutant: Mutant) -> None:
        """*mutant* is tried next."""

    def over(self, attempt: Attempt) -> None:
        """A mutant was tried, now or before."""


@dataclass(frozen=True, slots=True)
class Trials:
    """The kernel and the programs to try mutants with, the log of attempts, and a listener."""

    tree: SharedTree
    setup: TrialSetup
    log: AttemptLog
    listener: TrialListener

    def catalogue(self, chosen: tuple[Mutant, ...], *, apart: bool) -> None:
        """Try those of *chosen* that this kernel can have.

        Most are tried together in one kernel.  Those that cannot be there, or were not reported
        there as they should be, get kernels of their own; with *apart* all do.
        """
        kernel = self.tree.base.kernel
        pae = kernel.pae
        mutants = [
            one
            for one in chosen
            if one.applies(kernel.version[:2]) and (PAE not in one.shape or pae)
        ]
        self.listener.planned(len(mutants))
        left = tuple(one for one in mutants if not self._tried_before(one))
        if len(left) >= TOGETHER and not apart:
            left = self._together(left)
        for mutant in left:
            self.listener.coming(mutant)
            self._finish(attempt(mutant, self.tree, self._setup_for(mutant)))

    def _together(self, mutants: tuple[Mutant, ...]) -> tuple[Mutant, ...]:
        """Try the mutants that one kernel can have; return those that must be tried alone."""
        left = []
        board = all_in_one(self.tree, mutants)
        for shape in {self._setup_for(one).shape for one in mutants if one.name in board.numbers}:
            board.require_none(replace(self.setup, shape=shape))
        for mutant in mutants:
            if mutant.name not in board.numbers:
                left.append(mutant)
                continue
            self.listener.coming(mutant)
            found = board.attempt(mutant, self._setup_for(mutant))
            if found.as_wanted:
                self._finish(found)
            else:
                left.append(mutant)
        return tuple(left)

    def operators(self, every: int) -> None:
        """Try the mutants of the operators: of each *every*, the first."""
        board, made = all_operators(self.tree)
        board.require_none(self.setup)
        chosen = made[::every]
        self.listener.planned(len(chosen))
        for mutant in chosen:
            if not self._tried_before(mutant):
                self.listener.coming(mutant)
                self._finish(board.attempt(mutant, self.setup))

    def _setup_for(self, mutant: Mutant) -> TrialSetup:
        words = ",".join(word for word in mutant.shape if word != PAE)
        return replace(self.setup, shape=parse_shape(words, self.setup.shape))

    def _tried_before(self, mutant: Mutant) -> bool:
        known = self.log.known(mutant)
        if known:
            self.listener.over(known)
        return known is not None

    def _finish(self, attempt: Attempt) -> None:
        self.log.add(attempt)
        self.listener.over(attempt)
