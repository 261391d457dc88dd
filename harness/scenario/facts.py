"""Facts of a guest that ``requires:`` may name, and the numbers that expressions may use."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.model.records.helper import HELPER_OF_WORD
from harness.model.records.interrupt import Trigger
from harness.model.records.km_type import ERA_SHIFT, KM_TYPES_2_6_32
from harness.model.records.layout import Generation, Layout
from harness.model.records.operation import OPERATIONS, OpCode, OperationFlag
from harness.scenario.limits import NUMBER_MOST
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.syntax import Requirement
from harness.scenario.vocabulary import KIND_OF_WORD

_RELATION: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "=": operator.eq,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


ADD_THROWAWAY: Final = "requires throwaway: add --throwaway"
"""Why a scenario that wrecks a kernel is left out."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts that lowering needs about a guest: its layout, and the permissions of the run.

    ``above_4g``: pages with pfn >= 0x100000 exist.  ``throwaway``: the guest may be wrecked, it
    is discarded afterwards.  ``fresh``: the harness has not mapped in it yet.  ``missing``:
    operations that this kernel lacks beyond those of its generation
    (``harness.model.records.machine.missing_operations``).  ``seed`` is that of the run.
    """

    layout: Layout
    above_4g: bool = False
    throwaway: bool = False
    fresh: bool = True
    missing: frozenset[OpCode] = frozenset()
    seed: int = 1

    def has(self, code: OpCode) -> bool:
        """Tell whether this kernel has the operation."""
        return code not in self.missing and has_operation(self.layout, code)

    def has_word(self, word: str) -> bool:
        """Tell whether this kernel has the operation or the page helper of a word."""
        helper = HELPER_OF_WORD.get(word)
        if helper:
            return self.has(OpCode.HELPER) and bool(self.layout.helpers >> helper.number & 1)
        return self.has(KIND_OF_WORD[word].code)


def usable_depth(layout: Layout) -> int:
    """How deep mappings nest in one window before the kernel's BUG_ON or a neighbour's slot.

    local: ``BUG_ON(idx >= KM_MAX_IDX)`` in mm/highmem.c kmap_local_idx_push (5.11 to 7.3),
    with a guard slot between mappings under DEBUG_KMAP_LOCAL; stack: KM_TYPE_NR.
    """
    if layout.generation is not Generation.LOCAL:
        return layout.window
    return (layout.window - 1) // stride(layout)


def stride(layout: Layout) -> int:
    """Slots between two nested mappings (KM_INCR: 2 with DEBUG_KMAP_LOCAL)."""
    return 2 if layout.debug_kmap_local else 1


def numbers(layout: Layout, seed: int) -> dict[str, int]:
    """The names that expressions may use."""
    return {
        "N": layout.last_pkmap,
        "M": layout.window,
        "DEPTH": usable_depth(layout),
        "STRIDE": stride(layout),
        "CPUS": layout.online_cpus,
        "NR_CPUS": layout.nr_cpus,
        "FIX_KMAP_BEGIN": layout.fix_kmap_begin,
        "FIX_KMAP_END": layout.fix_kmap_end,
        **_instructions(layout),
        **{name: number for number, name in enumerate(KM_TYPES_2_6_32)},
        "ERA_2_6_32": 1 << ERA_SHIFT,
        "SEED": seed & NUMBER_MOST,
    }


def _instructions(layout: Layout) -> dict[str, int]:
    """``IN_MAP`` and so on: how many instructions the function of each trigger has."""
    functions = [trigger for trigger in Trigger if trigger >= Trigger.MAP]
    counts = layout.instructions or (0,) * len(functions)
    return {f"IN_{trigger.name}": count for trigger, count in zip(functions, counts, strict=True)}


def has_operation(layout: Layout, code: OpCode) -> bool:
    """Tell whether kernels of this generation have the operation at all."""
    flags = OPERATIONS[code].flags
    if OperationFlag.TYPED in flags:
        return layout.typed_count > 0
    if OperationFlag.ONLY_LOCAL in flags:
        return layout.generation is Generation.LOCAL and _has_folio(layout, code)
    if code is OpCode.HELPER:
        return layout.helpers > 0
    if OperationFlag.ATOMIC in flags:
        return layout.generation is not Generation.TYPED
    return True


def _has_folio(layout: Layout, code: OpCode) -> bool:
    return layout.folios or code is not OpCode.KMAP_LOCAL_FOLIO


def _flags(facts: Facts) -> dict[str, bool]:
    layout = facts.layout
    return {
        "pkmap": layout.last_pkmap > 0,
        "pae": layout.pae,
        "smp": layout.smp,
        "rt": layout.rt,
        "preempt_count": layout.preempt_count,
        "debug_highmem": layout.debug_highmem,
        "debug_kmap_local": layout.debug_kmap_local,
        "force_map": layout.force_map,
        "debug_atomic_sleep": layout.debug_atomic_sleep,
        "above4g": facts.above_4g,
        "throwaway": facts.throwaway,
        "fresh": facts.fresh,
    }


def _counts(facts: Facts) -> dict[str, int]:
    return {
        "smp": facts.layout.online_cpus,
        "pkmap": facts.layout.last_pkmap,
        "window": facts.layout.window,
        "depth": usable_depth(facts.layout),
        **_instructions(facts.layout),
    }


def unmet(requirement: Requirement, facts: Facts) -> str | None:
    """Why *facts* do not satisfy *requirement*, or None when they do.

    Raises ScenarioError for a fact or relation that does not exist.
    """
    holds, actual = _judge(requirement, facts)
    if holds is not requirement.negated:
        return None
    if requirement.name == "throwaway" and not requirement.negated:
        return ADD_THROWAWAY
    return f"requires {requirement}; this guest has {actual}"


def _judge(requirement: Requirement, facts: Facts) -> tuple[bool, str]:
    if requirement.name == "op":
        return _operation(requirement, facts)
    if requirement.name == "generation":
        return _generation(requirement, facts.layout)
    if requirement.relation:
        return _count(requirement, facts)
    flags = _flags(facts)
    if requirement.name not in flags:
        raise _unknown(
            requirement, (*flags, "generation=", "op", *(f"{c}>=" for c in _counts(facts)))
        )
    value = flags[requirement.name]
    return value, requirement.name if value else f"no {requirement.name}"


def _operation(requirement: Requirement, facts: Facts) -> tuple[bool, str]:
    if requirement.value not in KIND_OF_WORD:
        raise _unknown(requirement, tuple(KIND_OF_WORD))
    holds = facts.has_word(requirement.value)
    return holds, f"{'' if holds else 'no '}{requirement.value}"


def _generation(requirement: Requirement, layout: Layout) -> tuple[bool, str]:
    known = {generation.value for generation in Generation}
    if requirement.value not in known or requirement.relation != "=":
        raise _unknown(requirement, tuple(f"generation={value}" for value in sorted(known)))
    return layout.generation.value == requirement.value, f"generation={layout.generation.value}"


def _count(requirement: Requirement, facts: Facts) -> tuple[bool, str]:
    counts = _counts(facts)
    if requirement.name not in counts or not requirement.value.isdigit():
        raise _unknown(requirement, tuple(f"{name}>=1" for name in counts))
    actual = counts[requirement.name]
    return _RELATION[requirement.relation](
        actual, int(requirement.value)
    ), f"{requirement.name}={actual}"


def _unknown(requirement: Requirement, known: tuple[str, ...]) -> ScenarioError:
    hint = f"known: {', '.join(known)}"
    return ScenarioError(
        requirement.where, "unknown requirement", offending=str(requirement), hint=hint
    )
