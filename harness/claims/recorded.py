"""The recorded verdicts by kind of kernel (recorded.toml)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from harness.claims.claim_finding import ClaimVerdict
from harness.model.records.layout import Layout


def kind_of(layout: Layout) -> str:
    """The kind of kernel in the recorded table: ``local``, ``local-rt`` or ``stack``."""
    return layout.generation.value + ("-rt" if layout.rt else "")


@cache
def recorded() -> Mapping[str, tuple[ClaimVerdict, ...]]:
    """The verdicts of all claims, in order, by kind of kernel."""
    text = files("harness.claims").joinpath("recorded.toml").read_text(encoding="utf-8")
    return {
        kind: tuple(
            ClaimVerdict(table[f"claim-{number:02}"]) for number in range(1, len(table) + 1)
        )
        for kind, table in tomllib.loads(text).items()
    }
