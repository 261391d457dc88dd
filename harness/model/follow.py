"""What a step leaves behind that no snapshot shows, taken from what was seen of it.

After a divergence steps go on unjudged until the state is read again.  Registers, the
words in pages and the CPUs allowed are not in a snapshot: they are followed meanwhile.
"""

from harness.model import vector
from harness.model.access import store
from harness.model.draft import Draft
from harness.model.machine import Machine
from harness.model.observation import Observation, Status
from harness.model.operation import OpCode, Operation
from harness.model.refusal import MAPS
from harness.model.state import State, TaskState


def follow(machine: Machine, state: State, op: Operation, seen: Observation) -> State:
    """*state* with the registers, words and allowed CPUs that the step *op* was seen to leave."""
    if op.task >= len(state.tasks):
        return state
    state = _ended(state, seen)
    task = state.tasks[op.task]
    if seen.status is Status.BLOCKED:
        task = task._replace(page=op.page, reg=op.reg)
    if seen.status is not Status.OK:
        return _with_task(state, op.task, task)
    if op.code in MAPS:
        state = state._replace(registers=vector.put(state.registers, op.reg, seen.value))
    elif op.code is OpCode.WRITE:
        d = Draft(machine, state, op, seen.cpu)
        store(d, seen.pte, d.address(), op.value)
        state = state._replace(memory=d.memory)
    elif op.code is OpCode.MIGRATE:
        task = task._replace(allowed=op.value)
    return _with_task(state, op.task, task)


def _with_task(state: State, number: int, task: TaskState) -> State:
    if state.tasks[number] == task:
        return state
    return state._replace(tasks=(*state.tasks[:number], task, *state.tasks[number + 1 :]))


def _ended(state: State, seen: Observation) -> State:
    """A kmap that has ended after a sleep sets its register."""
    registers = state.registers
    for done in seen.done:
        registers = vector.put(registers, state.tasks[done.task].reg, done.result)
    return state._replace(registers=registers) if seen.done else state
