"""Workloads: user processes use memory, and report at each stage what they have read.

One operation, WORKLOAD, stands for all of them.  ``kmod/protocol_workload.h`` has the same
numbers; ``images/agent/workload*.c`` are the programs.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from harness.model.records.operation import OpCode, Operation

CHECKPOINT_END: Final = 0xFF
"""The stage that the module adds when no process of the workload is left."""


class WorkloadKind(NamedTuple):
    """A workload: its number on the wire, its word in a scenario, and what it does.

    ``optional``: a kernel may be configured without the system call that it needs.
    """

    number: int
    word: str
    does: str
    optional: bool = False


_KINDS = (
    WorkloadKind(0, "cow", "forks, and writes to pages that processes share"),
    WorkloadKind(1, "tables", "moves, protects and unmaps pages at both ends of page tables"),
    WorkloadKind(2, "files", "copies through files of tmpfs and through pipes"),
    WorkloadKind(3, "futex", "two processes take turns by futexes in shared pages"),
    WorkloadKind(4, "exec", "executes itself with long arguments"),
    WorkloadKind(5, "remote", "reads and writes another process's pages", optional=True),
    WorkloadKind(6, "sockets", "sends pages through sockets", optional=True),
    WorkloadKind(7, "threads", "threads write to shared pages at the same time"),
    WorkloadKind(8, "errors", "makes system calls fail in the middle of a copy"),
)

WORKLOADS: Final[Mapping[int, WorkloadKind]] = {kind.number: kind for kind in _KINDS}
"""The one record of each workload."""

WORKLOAD_OF_WORD: Final = {kind.word: kind for kind in _KINDS}


def workload_operation(kind: int, seed: int, task: int = 0) -> Operation:
    """WORKLOAD of *task*."""
    return Operation(OpCode.WORKLOAD, task, reg=kind, value=seed)
