"""Every claim judged by what was seen, beside the verdict on record."""

from typing import NamedTuple

from harness.claims.claim import CLAIMS, Claim
from harness.claims.claim_finding import ClaimFinding, ClaimVerdict
from harness.claims.claim_programs import ClaimEvidence
from harness.claims.recorded import kind_of, recorded
from harness.claims.typed_claims import TYPED_CHECKS

_FALSE_IN_TYPED_WINDOW = 20
"""The only claim that is false of 2.6.24 itself, which the book describes."""


class JudgedClaim(NamedTuple):
    """A claim, what was found, and the verdict on record.

    ``recorded`` is None for a kind of kernel that is not recorded; ``typed`` is what the module's
    window of 2.6.24 shows of the claim, None where it shows nothing.
    """

    claim: Claim
    finding: ClaimFinding
    recorded: ClaimVerdict | None
    typed: ClaimFinding | None = None

    @property
    def differs(self) -> bool:
        """Tell whether a verdict is not the expected one."""
        return self._typed_differs or (
            self.recorded is not None and self.finding.verdict is not self.recorded
        )

    @property
    def _typed_differs(self) -> bool:
        false = self.claim.number == _FALSE_IN_TYPED_WINDOW
        expected = ClaimVerdict.FALSE if false else ClaimVerdict.HOLDS
        return self.typed is not None and self.typed.verdict is not expected


def judge_claims(seen: ClaimEvidence) -> tuple[JudgedClaim, ...]:
    """Judge every claim by the steps in *seen*."""
    known = recorded().get(kind_of(seen.layout))
    return tuple(
        JudgedClaim(
            claim,
            claim.check(seen),
            known[claim.number - 1] if known else None,
            _typed_finding(seen, claim.number),
        )
        for claim in CLAIMS
    )


def _typed_finding(seen: ClaimEvidence, number: int) -> ClaimFinding | None:
    """The evidence of the typed window about the claim of that number."""
    check = TYPED_CHECKS.get(number)
    return check(seen) if check and seen.all("typed-mine") else None
