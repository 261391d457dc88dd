"""The model as a guest, through the interface that a run drives; made to fail where a test wants
it.
"""

from collections import deque

from harness.compare.witness_comparison import windows_at_rest
from harness.guest.steps import StepRecord
from harness.guest.witness import PageTableView
from harness.model.records import vector
from harness.model.records.observation import Snapshot, TaskView
from harness.model.records.snapshots import empty_snapshot
from tests.compare.model_guest import LOCAL, ModelGuest, pages_of


class ModelTarget:
    """Executes *program*; ``wrong`` changes observations, ``fails`` maps a call's name to what it
    raises.
    """

    def __init__(
        self, program, layout=LOCAL, *, wrong=lambda step, seen: seen, fails=None, troubles=()
    ):
        self.guest = ModelGuest(layout, program)
        self.layout = layout
        self.wrong = wrong
        self.fails = fails or {}
        self.calls = []
        self._requests = deque()
        self._troubles = list(troubles)
        self._collected = 0

    def _called(self, name):
        self.calls.append(name)
        fail = self.fails.get(name)
        if isinstance(fail, tuple) and self.calls.count(name) == fail[0]:
            raise fail[1]
        if isinstance(fail, Exception):
            raise fail

    def info(self):
        return self.layout, None

    def pool(self, kind, count):
        self._called("pool")
        return pages_of(((kind, count),))

    def tasks(self, cpus):
        self._called("tasks")

    def submit(self, operations):
        self._called("submit")
        self._requests.append(operations)

    def collect(self):
        self._called("collect")
        records = []
        for operation in self._requests.popleft():
            seen = self.wrong(self._collected, self.guest.execute(operation))
            records.append(
                StepRecord(100 + self._collected, operation.code, operation.task, seen, 0, 0, 0)
            )
            self._collected += 1
        return records

    def steps_ahead(self):
        return 2

    def snapshot(self):
        self._called("snapshot")
        if not self._collected:
            return self.guest.start
        state = self.guest.state
        slots = tuple(vector.items(state.slots))
        empty = empty_snapshot(self.guest.machine)
        return Snapshot(
            cursor=state.cursor,
            waiters=len(state.waiting),
            counts=tuple(slot.count for slot in slots),
            ptes=tuple(slot.pte for slot in slots),
            windows=tuple(sorted(windows_at_rest(self.guest.machine, state).items())),
            tasks=tuple(TaskView(0, task.cpu, task.depth, task.saved) for task in state.tasks),
            cpu_depths=empty.cpu_depths,
            page_addresses=tuple(vector.items(state.where)),
        )

    def witness(self):
        self._called("witness")
        snapshot = self.snapshot()
        return PageTableView(snapshot.ptes, snapshot.windows, snapshot.counts, "the model")

    def troubles(self, *, marked=False):
        told = [one for one in self._troubles if one.step is not None or not marked]
        self._troubles = [one for one in self._troubles if one not in told]
        return tuple(told)

    def reset(self):
        self._called("reset")
