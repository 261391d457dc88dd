"""The result of a check, from which all its reports are made."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.check.comparison import ORDER, Comparison, PatchEffect
from harness.check.judging import Judgement
from harness.patch.patch import MailHead

NOTHING_NEW, FAILING, NO_VERDICT = 0, 1, 2
"""Exit codes (docs/architecture.md)."""


class Stage(StrEnum):
    """The point at which a kernel failed, so that there was nothing to judge."""

    APPLY = "does not apply"
    CONFIGURE = "cannot be configured"
    BUILD = "does not build"
    MODULE = "has no module: it does not build against this kernel"
    BOOT = "does not boot"
    MACHINE = "is not the machine that the model knows"


@dataclass(frozen=True, slots=True)
class KernelFailure:
    """Why a kernel was not judged: which kernel, the stage, and lines that show the reason."""

    which: str
    stage: Stage
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        """Kernel and stage as part of a sentence."""
        return f"the {self.which} {self.stage.value}"


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """Base and patched kernel in one configuration on one machine, program by program."""

    config: str
    machine: str = ""
    """Words that tell the machine from the usual one, joined by ``+``."""
    why: str = ""
    """The reason for which a check has chosen this cell by itself."""
    base: Judgement | None = None
    patched: Judgement | None = None
    comparisons: tuple[Comparison, ...] = ()
    failure: KernelFailure | None = None
    base_was_kept: bool = False
    module_was_kept: bool = False
    rebuilt: tuple[str, ...] = ()
    """Headers of the patch that the module includes, if it was built again for them."""
    not_compiled: tuple[str, ...] = ()
    """Files that the patch changes and this configuration makes no object of."""
    reproduce: str = ""
    """The command line that repeats this check here."""
    portable: str = ""
    """The same for somebody who has the patch and a tree of his own."""

    @property
    def words(self) -> str:
        """The configuration, and the machine if it is not the usual one."""
        return f"{self.config}, {self.machine}" if self.machine else self.config

    @property
    def left_out(self) -> bool:
        """Tell whether nobody asked for this cell, and the base cannot be judged there."""
        return bool(self.why and self.failure and self.failure.which == "base")

    @property
    def change(self) -> PatchEffect:
        """The most important change among its programs."""
        if self.left_out:
            return PatchEffect.NOT_APPLICABLE
        if self.failure:
            return PatchEffect.CANNOT_JUDGE
        found = {one.change for one in self.comparisons}
        return next((change for change in ORDER if change in found), PatchEffect.CANNOT_JUDGE)

    @property
    def lost_evidence(self) -> tuple[str, ...]:
        """Evidence that the base shows and the patched kernel does not."""
        if self.base is None or self.patched is None:
            return ()
        return tuple(
            one for one in self.patched.missing_evidence if one not in self.base.missing_evidence
        )

    @property
    def lost_because(self) -> tuple[str, ...]:
        """The reasons why evidence is lost on the patched kernel and not on the base."""
        if self.base is None or self.patched is None:
            return ()
        known = self.base.lost_because
        return tuple(one for one in self.patched.lost_because if one not in known)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A finished check.  ``phases`` are seconds."""

    tree: str
    base: str
    patches: tuple[str, ...]
    configs: tuple[ConfigResult, ...]
    seed: int = 1
    strict: bool = False
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Cells in which the patch might show, too, and that were not judged."""
    phases: Mapping[str, float] = field(default_factory=dict)
    mail: MailHead | None = None
    """The head of the first patch, if it was a mail."""

    @property
    def counts(self) -> Counter[PatchEffect]:
        """Number of programs by the way they changed, over all configurations and machines."""
        return Counter(one.change for config in self.configs for one in config.comparisons)

    @property
    def change(self) -> PatchEffect:
        """The most important change among all configurations and machines."""
        found = {one.change for one in self.configs}
        return next((change for change in ORDER if change in found), PatchEffect.CANNOT_JUDGE)

    def of(self, change: PatchEffect) -> tuple[Comparison, ...]:
        """Every comparison with this change."""
        return tuple(
            one for config in self.configs for one in config.comparisons if one.change is change
        )

    @property
    def exit_code(self) -> int:
        """0 nothing newly failing, 1 newly failing, 2 cannot judge.

        With ``strict`` changed behaviour gives 1, too.
        """
        refused = self.strict and self.of(PatchEffect.BEHAVIOUR_CHANGED)
        if refused or self.change is PatchEffect.NEWLY_FAILING:
            return FAILING
        return NO_VERDICT if self.change is PatchEffect.CANNOT_JUDGE else NOTHING_NEW
