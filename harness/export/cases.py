"""One scenario as C functions: its case, and a function for each interrupt in it."""

import re
from collections.abc import Iterator
from typing import Final

from harness.export.c_expressions import KINDS, c_expression
from harness.export.expressible import Era, has_sections, loops, operations
from harness.export.statements import do_lines, want_lines
from harness.model.records.operation import OPENS_CONTEXT
from harness.scenario.syntax import (
    AtomicBlock,
    Loop,
    OpStatement,
    Requirement,
    Scenario,
    Statement,
    TaskDecl,
    TaskLine,
    TaskRef,
)

_CONDITIONS: Final = {
    "pae": "sizeof(pte_t) > sizeof(u32)",
    **{
        name: f"IS_ENABLED(CONFIG_{option})"
        for name, option in {
            "smp": "SMP",
            "rt": "PREEMPT_RT",
            "preempt_count": "PREEMPT_COUNT",
            "debug_highmem": "DEBUG_HIGHMEM",
            "debug_kmap_local": "DEBUG_KMAP_LOCAL",
            "force_map": "DEBUG_KMAP_LOCAL_FORCE_MAP",
            "debug_atomic_sleep": "DEBUG_ATOMIC_SLEEP",
        }.items()
    },
}
_COUNTS: Final = {
    "smp": "num_online_cpus()",
    "pkmap": "LAST_PKMAP",
    "window": "HM_WINDOW",
    "depth": "HM_DEPTH",
}


def c_name(name: str) -> str:
    """The name of a scenario as a C identifier."""
    return re.sub(r"\W", "_", name)


class CaseWriter:
    """Writes the functions of one scenario, which no obstacle must keep from C."""

    def __init__(self, scenario: Scenario, name: str, era: Era) -> None:
        self._scenario, self._era = scenario, era
        self.function = f"case_{c_name(name)}"
        self._blocks: list[str] = []

    def text(self) -> str:
        """The functions, those of interrupts first."""
        body = [line for one in self._scenario.body for line in self._lines(one, "", 1)]
        main = [*self._declarations(body, self._needs()), *self._needs(), "", *body]
        title = f"/* {self._scenario.title.replace('*/', '')} */"
        head = [title, f"static void {self.function}(struct hm_case *hm)", "{"]
        return "\n".join((*self._blocks, *head, *main, "}")) + "\n"

    # ---- what the case needs ----

    def _needs(self) -> list[str]:
        """Tasks, facts and pages, each of which this machine may lack."""
        lines = [line for one in self._scenario.tasks for line in self._task_lines(one)]
        for requirement in self._scenario.requires:
            condition = _condition(requirement)
            if condition:
                lines += _unless(f'hm_lacks(hm, {condition}, "{requirement}")')
        if len(self._scenario.tasks) > 1 and has_sections(self._scenario):
            lines += _unless('hm_lacks(hm, num_online_cpus() > 1, "two CPUs")')
        for pool in self._scenario.pages:
            kind, count = KINDS[pool.kind].upper(), c_expression(pool.count)
            lines += _unless(f"hm_lacks_pages(hm, HM_{kind}, {count})")
        return [*lines, *_unless("hm_cannot_start(hm)")]

    def _task_lines(self, task: TaskDecl) -> Iterator[str]:
        cpu = "-1" if task.cpu is None else c_expression(task.cpu)
        if task.count is None:
            yield f"\thm_add_task(hm, {cpu});"
        else:
            yield f"\tfor (i = 0; i < {c_expression(task.count)}; i++)"
            yield f"\t\thm_add_task(hm, {cpu});"

    # ---- declarations ----

    def _declarations(self, *parts: list[str]) -> Iterator[str]:
        """Variables that *parts* use: tasks, then the counters of loops."""
        text = "\n".join(line for part in parts for line in part)
        yield from self._tasks_in(text)
        variables = {loop.variable for loop in loops(self._scenario.body)} | {"i"}
        used = [one for one in sorted(variables) if re.search(rf"\b{one} = ", text)]
        if used:
            yield f"\tint {', '.join(used)};"
        yield ""

    def _tasks_in(self, text: str) -> Iterator[str]:
        code = re.sub(r'"[^"\n]*"', "", text)
        index = "0"
        for task in self._scenario.tasks:
            if re.search(rf"\b{task.name}\b(?! =)", code):
                yield f"\tstruct hm_task *{task.name} = &hm->tasks[{index}];"
            count = "1" if task.count is None else c_expression(task.count)
            both = index.isdigit() and count.isdigit()
            index = str(int(index) + int(count)) if both else f"{index} + {count}"

    # ---- statements ----

    def _lines(self, statement: Statement, task: str, depth: int) -> Iterator[str]:
        match statement:
            case TaskLine():
                yield from self._lines(statement.statement, self._task(statement.task), depth)
            case AtomicBlock():
                for one in statement.body:
                    yield from self._lines(one, task, depth)
            case Loop():
                yield from self._loop(statement, task, depth)
            case OpStatement():
                block = self._block(statement, task)
                yield from do_lines(statement, task, depth, block)
                yield from want_lines(statement, task, depth)

    def _loop(self, loop: Loop, task: str, depth: int) -> Iterator[str]:
        name, indent = loop.variable, "\t" * depth
        first, last = c_expression(loop.first), c_expression(loop.last)
        test, step = (">=", "--") if loop.down else ("<=", "++")
        head = f"{indent}for ({name} = {first}; {name} {test} {last}; {name}{step})"
        body = [line for one in loop.body for line in self._lines(one, task, depth + 1)]
        if len(body) == 1:
            yield from (head, *body)
        else:
            yield from (f"{head} {{", *body, f"{indent}}}")

    def _task(self, task: TaskRef) -> str:
        """The C expression for a task: ``a``, ``&w[i]``."""
        if task.index is not None:
            return f"&{task.name}[{c_expression(task.index)}]"
        if any(one.name == task.name for one in self._scenario.tasks):
            return task.name
        name = task.name.rstrip("0123456789")
        return f"&{name}[{task.name[len(name) :]}]"

    def _block(self, statement: OpStatement, task: str) -> str:
        """The name of the function that an interrupt runs, which is written beside the case."""
        if statement.kind.code not in OPENS_CONTEXT:
            return ""
        name = f"{self.function}_{len(self._blocks) + 1}"
        body = [line for one in statement.body for line in self._lines(one, task, 1)]
        head = [f"static void {name}(struct hm_case *hm)", "{"]
        self._blocks.append("\n".join((*head, *self._declarations(body), *body, "}", "")))
        return name


def block_uses_loop(scenario: Scenario) -> bool:
    """Tell whether an interrupt stands in a loop: its function would not know the counter."""
    return any(
        one.kind.code in OPENS_CONTEXT
        for loop in loops(scenario.body)
        for one in operations(loop.body)
    )


def _unless(condition: str) -> list[str]:
    return [f"\tif ({condition})", "\t\treturn;"]


def _condition(requirement: Requirement) -> str:
    """The C condition of a fact that not every machine has; nothing if every one has it."""
    name = requirement.name
    text = _CONDITIONS.get(name, "")
    if requirement.relation and name in _COUNTS:
        relation = "==" if requirement.relation == "=" else requirement.relation
        text = f"{_COUNTS[name]} {relation} {requirement.value}"
    if not text or not requirement.negated:
        return text
    return f"!{text}" if text.startswith("IS_ENABLED") else f"!({text})"
