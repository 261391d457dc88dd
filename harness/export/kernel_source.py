"""Whole C files: the parts of ``runtime/`` that a set of cases needs, and the cases."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from harness.base.project import NAME
from harness.export.cases import CaseWriter, block_uses_loop, c_name
from harness.export.expressible import LOCAL, Era, obstacle, omitted, operations
from harness.export.statements import word_of
from harness.scenario.syntax import Scenario

_RUNTIME: Final = Path(__file__).parent / "runtime"
_PARTS: Final = (
    "failures",
    "memory",
    "pages",
    "looks",
    "tasks",
    "mappings",
    "accesses",
    "contexts",
    "helpers",
    "run",
)
_CASES: Final = "mapping functions of highmem: operations, each compared with what must be seen"
SUITE: Final = "highmem"
KUNIT_FILE: Final = "highmem_kunit.c"
MODULE_FILE: Final = "highmem_module.c"
KBUILD: Final = f"obj-m := {Path(MODULE_FILE).stem}.o\n"
_HARD_INTERRUPT: Final = (
    "c->work = IRQ_WORK_INIT_HARD(hm_in_hardirq);",
    "init_irq_work(&c->work, hm_in_hardirq);",
)
"""IRQ_WORK_INIT_HARD() came with 5.11, and what it replaces is threaded on RT since then."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One scenario of an export: the expectations left out, or why there is no case of it."""

    name: str
    scenario: Scenario
    omitted: tuple[str, ...] = ()
    reason: str = ""


def exported(name: str, scenario: Scenario, era: Era) -> Exported:
    """Decide whether a test for *era* can express *scenario*."""
    reason = obstacle(scenario, era)
    if not reason and (unknown := _without_c(scenario)):
        reason = f"there is no C of {unknown}"
    if not reason and block_uses_loop(scenario):
        reason = "an interrupt in a loop would not know the loop's counter"
    return Exported(name, scenario, () if reason else omitted(scenario), reason)


def _without_c(scenario: Scenario) -> str:
    """The first operation that the parts of ``runtime/`` do not have; nothing if they have all."""
    there = {name for part in _PARTS for chunk in _chunks(part) for name in _defined(chunk)}
    words = (word_of(statement) for statement in operations(scenario.body))
    return next((word for word in words if f"hm_op_{word}" not in there), "")


def kunit_source(found: Sequence[Exported], era: Era) -> str:
    """``highmem_kunit.c``: every scenario of *found* that can be expressed."""
    cases = [one for one in found if not one.reason]
    tests = "\n".join(_kunit_test(one) for one in cases)
    names = "".join(f"\tKUNIT_CASE({c_name(one.name)}_test),\n" for one in cases)
    end = (
        f"static struct kunit_case highmem_cases[] = {{\n{names}\t{{}}\n}};\n\n"
        f'static struct kunit_suite highmem_suite = {{\n\t.name = "{SUITE}",\n'
        "\t.test_cases = highmem_cases,\n};\n\nkunit_test_suite(highmem_suite);\n\n"
        f'MODULE_DESCRIPTION("KUnit tests of the {_CASES}");\nMODULE_LICENSE("GPL");\n'
    )
    return _file(f"KUnit tests of the {_CASES}.", "kunit", cases, era, f"{tests}\n{end}")


def _kunit_test(one: Exported) -> str:
    name = c_name(one.name)
    return (
        f"static void {name}_test(struct kunit *test)\n{{\n"
        f'\thm_test(test, "{one.name}", case_{name});\n}}\n'
    )


def module_source(found: Sequence[Exported], era: Era) -> str:
    """A module that runs its cases when it is loaded, and refuses to load if one has failed."""
    cases = [one for one in found if not one.reason]
    calls = "".join(
        f'\tfailed += hm_test("{one.name}", case_{c_name(one.name)});\n' for one in cases
    )
    end = (
        f"static int __init highmem_init(void)\n{{\n\tint failed = 0;\n\n{calls}"
        f'\tpr_info("%d of {len(cases)} cases failed\\n", failed);\n'
        "\treturn failed ? -EINVAL : 0;\n}\n\n"
        "static void __exit highmem_exit(void)\n{\n}\n\n"
        "module_init(highmem_init);\nmodule_exit(highmem_exit);\n\n"
        f'MODULE_DESCRIPTION("Tests of the {_CASES}");\nMODULE_LICENSE("GPL");\n'
    )
    return _file(f"A module with tests of the {_CASES}.", "module", cases, era, end)


def _file(title: str, kind: str, cases: Sequence[Exported], era: Era, end: str) -> str:
    texts = "\n".join(CaseWriter(one.scenario, one.name, era).text() for one in cases)
    head = [
        "// SPDX-License-Identifier: GPL-2.0-only",
        "/*",
        *_comment(f"{title} For kernels from {era}; {NAME} has made it of its scenarios."),
        " */",
    ]
    if kind == "module":
        head.append('#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt')
    own = "#include <kunit/test.h>\n" if kind == "kunit" else ""
    runtime = _needed((*_PARTS, kind), texts + end)
    if era.oldest < LOCAL:
        runtime = runtime.replace(*_HARD_INTERRUPT)
    start = "\n".join(head) + "\n\n" + own + _text("head").rstrip("\n")
    return "\n\n".join((start, runtime, texts.rstrip("\n"), end))


def _comment(text: str) -> Iterator[str]:
    line = " *"
    for word in text.split():
        if len(line) + 1 + len(word) > 90:
            yield line
            line = " *"
        line += f" {word}"
    yield line


def _text(part: str) -> str:
    return (_RUNTIME / f"{part}.c").read_text(encoding="utf-8")


def _needed(parts: Sequence[str], uses: str) -> str:
    """The functions of *parts* that *uses* reaches, in their order."""
    chunks = [chunk for part in parts for chunk in _chunks(part)]
    owner = {name: chunk for chunk in chunks for name in _defined(chunk)}
    wanted: set[str] = set()
    queue = [uses]
    while queue:
        for name in _mentioned(queue.pop()):
            chunk = owner.get(name)
            if chunk and chunk not in wanted:
                wanted.add(chunk)
                queue.append(chunk)
    return "\n\n".join(chunk for chunk in chunks if chunk in wanted)


@cache
def _chunks(part: str) -> tuple[str, ...]:
    """The functions of a part, each with the comment before it."""
    found = re.split(r"\n\n(?=static |/\*)", _text(part).rstrip("\n"))
    return tuple(found)


def _defined(chunk: str) -> Iterator[str]:
    for line in chunk.splitlines():
        if line.startswith("static ") and (found := re.search(r"(\w+)\(", _unattributed(line))):
            yield found[1]


def _unattributed(line: str) -> str:
    return re.sub(r"__printf\([^)]*\)", "", line)


def _mentioned(text: str) -> frozenset[str]:
    """Names of the runtime that *text* uses; ``DO`` and ``WANT`` make some of theirs."""
    plain = set(re.findall(r"\bhm_\w+", text))
    made: Mapping[str, str] = {"DO(": "hm_do", "WANT(": "hm_want"}
    done = re.findall(r'\bDO\([^"]*"[^"]*",\s*(\w+)', text)
    return frozenset(
        plain
        | {name for start, name in made.items() if start in text}
        | {f"hm_op_{one}" for one in done}
    )
