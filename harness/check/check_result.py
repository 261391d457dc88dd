"""What a check has found: finished, frozen, the input of its reports."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.check.comparison import ORDER, Comparison, PatchEffect
from harness.check.judging import Judgement

NOTHING_NEW, FAILING, NO_VERDICT = 0, 1, 2
"""Exit codes (docs/architecture.md)."""


class Stage(StrEnum):
    """How far a kernel came before there was nothing to judge."""

    APPLY = "does not apply"
    CONFIGURE = "cannot be configured"
    BUILD = "does not build"
    MODULE = "has no module: it does not build against this kernel"
    BOOT = "does not boot"
    MACHINE = "is not the machine that the model knows"


@dataclass(frozen=True, slots=True)
class KernelFailure:
    """Why there is no judgement of a kernel: which one, the stage, and the lines that show why."""

    which: str
    stage: Stage
    lines: tuple[str, ...]

    @property
    def words(self) -> str:
        """Which and how far, as part of a sentence."""
        return f"the {self.which} {self.stage.value}"


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """One configuration: base and patched kernel, program by program."""

    config: str
    base: Judgement | None = None
    patched: Judgement | None = None
    comparisons: tuple[Comparison, ...] = ()
    failure: KernelFailure | None = None
    base_was_kept: bool = False
    build_command: str = ""
    module_was_kept: bool = False
    reproduce: str = ""
    """The command that runs the patched kernel by hand."""

    @property
    def change(self) -> PatchEffect:
        """The most important change of all its programs."""
        if self.failure:
            return PatchEffect.CANNOT_JUDGE
        found = {one.change for one in self.comparisons}
        return next((change for change in ORDER if change in found), PatchEffect.CANNOT_JUDGE)

    @property
    def lost_evidence(self) -> tuple[str, ...]:
        """Evidence that the base has and the patched kernel has not."""
        if self.base is None or self.patched is None:
            return ()
        return tuple(
            one for one in self.patched.missing_evidence if one not in self.base.missing_evidence
        )


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
    phases: Mapping[str, float] = field(default_factory=dict)
    message_id: str = ""
    author: str = ""
    """Of the (first) patch, where it was a mail."""

    @property
    def counts(self) -> Counter[PatchEffect]:
        """How many programs changed in which way, over all configurations."""
        return Counter(one.change for config in self.configs for one in config.comparisons)

    @property
    def change(self) -> PatchEffect:
        """The most important change of all configurations."""
        found = {one.change for one in self.configs}
        return next((change for change in ORDER if change in found), PatchEffect.CANNOT_JUDGE)

    def of(self, change: PatchEffect) -> tuple[Comparison, ...]:
        """Every comparison of that kind."""
        return tuple(
            one for config in self.configs for one in config.comparisons if one.change is change
        )

    @property
    def exit_code(self) -> int:
        """0 nothing newly failing, 1 newly failing (or with ``strict`` changed behaviour), 2 cannot judge."""
        if self.change is PatchEffect.NEWLY_FAILING or (
            self.strict and self.of(PatchEffect.BEHAVIOUR_CHANGED)
        ):
            return FAILING
        return NO_VERDICT if self.change is PatchEffect.CANNOT_JUDGE else NOTHING_NEW
