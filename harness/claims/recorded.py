"""The recorded verdicts by kind of kernel (recorded.toml)."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from harness.base.toml_file import entries_of, read_toml
from harness.claims.claim_finding import ClaimVerdict
from harness.model.records.layout import Layout


def kind_of(layout: Layout) -> str:
    """The kind of kernel in the recorded table: ``local``, ``local-rt`` or ``stack``."""
    return layout.generation.value + ("-rt" if layout.rt else "")


@cache
def recorded() -> Mapping[str, tuple[ClaimVerdict, ...]]:
    """The verdicts of all claims, in order, by kind of kernel."""
    path = files("harness.claims").joinpath("recorded.toml")
    with entries_of(path):
        return {
            kind: tuple(
                ClaimVerdict(table[f"claim-{number:02}"]) for number in range(1, len(table) + 1)
            )
            for kind, table in read_toml(path).items()
        }
