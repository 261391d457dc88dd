"""Random programs, each with its own mix of acts.

To leave out most acts in one program and none in the next finds more than to take all of them
always ("swarm testing": Groce and others, ISSTA 2012).
"""

from collections.abc import Mapping
from random import Random
from typing import Final

from harness.fuzz.acts import ACTS
from harness.scenario import episodes
from harness.scenario.facts import Facts
from harness.scenario.generate import default_pools, release_all
from harness.scenario.ledger import Ledger
from harness.scenario.program import Program

_STEPS: Final = (40, 120, 400)

Mix = Mapping[str, float]
"""The weight of each act."""


def fuzzed(facts: Facts, rng: Random, mix: Mix, name: str) -> Program:
    """A program of acts drawn from *mix*, which releases at its end all that it holds."""
    cpus = tuple(
        rng.randrange(facts.layout.online_cpus) for _ in range(rng.choice((1, 2, 3, 3, 4)))
    )
    pools = default_pools(facts)
    kinds = tuple(kind for kind, count in pools for _ in range(count))
    ledger = Ledger(facts.layout, cpus, kinds, rng)
    forms = episodes.palette(facts)
    names, weights = tuple(mix), tuple(mix.values())
    for _ in range(rng.choice(_STEPS)):
        act = ACTS[rng.choices(names, weights)[0]]
        act(ledger, rng.randrange(len(cpus)), forms)
    release_all(ledger)
    return Program(name, cpus, pools, tuple(ledger.operations))


def random_mix(rng: Random) -> Mix:
    """About half of the acts, some of them far more often than others."""
    chosen = [name for name in ACTS if rng.random() < 0.5] or list(ACTS)
    return {name: rng.choice((1.0, 1.0, 3.0, 8.0)) for name in chosen}


def varied(mix: Mix, rng: Random) -> Mix:
    """*mix* with one act more, less or otherwise weighted."""
    name = rng.choice(tuple(ACTS))
    weights = {**mix, name: rng.choice((0.0, 1.0, 3.0, 8.0))}
    return weights if any(weights.values()) else mix
