"""The programs of a campaign in their order, for one guest or several at once.

Programs of one round vary the mixes of the rounds before the last one, in the order of their
numbers.  So a seed gives the same programs however many guests take them, as long as the kernel
does the same, and no guest waits for the program that another has just begun.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from threading import Condition
from typing import Final, NamedTuple

from harness.fuzz.fuzz_programs import Mix, fuzzed, random_mix, varied
from harness.scenario.facts import Facts
from harness.scenario.program import Program

ROUND: Final = 8
_KEPT: Final = 64
_GUIDED: Final = 0.5
"""Share of the programs whose mix comes from one that reached something new."""


@dataclass(frozen=True, slots=True)
class FuzzedProgram:
    """A program with its number, and the mix from which it was drawn: none for one replayed."""

    program: Program
    mix: Mix
    number: int


class Reaching(NamedTuple):
    """A program with the features that no program before it reached."""

    program: Program
    features: frozenset[str]


class ProgramSource:
    """First the programs *replayed*, then an endless series that *facts* and *seed* decide."""

    def __init__(
        self, facts: Facts, seed: int, *, guided: bool = True, replayed: Iterable[Program] = ()
    ) -> None:
        self._facts, self._seed, self._guided = facts, seed, guided
        self._replayed = tuple(replayed)
        self._changed = Condition()
        self._number = self._learnt = 0
        self._stopped = False
        self._done: dict[int, tuple[FuzzedProgram, frozenset[str]]] = {}
        self._seen: set[str] = set()
        self._good: list[tuple[int, Mix]] = []
        self.features: set[str] = set()
        self.reaching: list[Reaching] = []
        """The programs that reached something new, in their order."""

    def next(self) -> FuzzedProgram:
        """The next program; waits until enough of those before it are done."""
        with self._changed:
            number = self._number
            self._number += 1
            if number < len(self._replayed):
                return FuzzedProgram(self._replayed[number], {}, number)
            known = max(number // ROUND - 1, 0) * ROUND
            self._changed.wait_for(lambda: self._stopped or self._learnt >= known)
            good = [mix for when, mix in self._good if when < known][-_KEPT:]
        return self._drawn(number, good)

    def done(self, program: FuzzedProgram, features: frozenset[str]) -> None:
        """Take note of the *features* that *program* has reached."""
        with self._changed:
            self.features |= features
            self._done[program.number] = program, features
            while self._learnt in self._done:
                self._learn(*self._done.pop(self._learnt))
                self._learnt += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nobody wait any more: a program that others wait for may never be done."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _learn(self, program: FuzzedProgram, features: frozenset[str]) -> None:
        new = features - self._seen
        if not new:
            return
        self._seen |= new
        self.reaching.append(Reaching(program.program, new))
        if program.mix:
            self._good.append((program.number, program.mix))

    def _drawn(self, number: int, good: list[Mix]) -> FuzzedProgram:
        drawn = number - len(self._replayed)
        rng = Random(f"{self._seed} {drawn}")
        again = self._guided and good and rng.random() < _GUIDED
        mix = varied(rng.choice(good), rng) if again else random_mix(rng)
        name = f"fuzz-{self._seed}-{drawn}"
        return FuzzedProgram(fuzzed(self._facts, rng, mix, name), mix, number)
