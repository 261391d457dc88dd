"""What a guest reports of itself decides what the model expects."""

import pytest

from harness.model.records.layout import Generation
from harness.model.records.machine import Machine, iomap_protection, machine
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation, Prot
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import predict
from tests.model.machines import LOCAL_PAE, LOCAL_RT, STACK_PAE, pages, small

KERNEL = (1 << 63) | 0x163


def follow(guest: Machine, *operations: Operation):
    state = initial(guest, empty_snapshot(guest))
    seen = []
    for operation in operations:
        outcome = predict(guest, state, operation)
        assert outcome is not None
        state = outcome.state
        seen.append(outcome.observation)
    return seen


def test_protections_are_those_that_the_guest_reports():
    layout = LOCAL_PAE._replace(prots=(0x1, 0x2, 0x3, 0x4, 0x5))
    guest = machine(layout, pages(1), (0,))
    derived = {Prot.DEVICE: Prot.WC}
    for prot in Prot:
        operation = Operation(OpCode.KMAP_LOCAL_PROT, page=0, prot=prot)
        assert guest.window_pte(operation) & 0xFFF == derived.get(prot, prot) + 1
        assert guest.window_pte(operation._replace(code=OpCode.KMAP_LOCAL)) & 0xFFF == 1


@pytest.mark.parametrize(
    ("prot", "pat", "want"),
    [
        (KERNEL, False, KERNEL),
        (KERNEL & ~2, False, KERNEL & ~2),
        (KERNEL | 0x18, False, KERNEL | 0x10),
        (KERNEL | 0x08, False, KERNEL | 0x10),
        (KERNEL | 0x08, True, KERNEL | 0x08),
        (KERNEL | 0x18, True, KERNEL | 0x18),
    ],
)
def test_iomap_without_pat_knows_write_back_and_uc_minus_only(prot, pat, want):
    assert iomap_protection(prot, KERNEL, pat=pat) == want


def test_operations_that_the_guest_lacks_are_not_applicable():
    lacking = machine(LOCAL_RT._replace(kmap_atomic_prot=False), pages(1), (0,))
    assert lacking.missing == {OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN}
    (seen,) = follow(lacking, Operation(OpCode.KMAP_ATOMIC_PFN, page=0))
    assert seen.status is Status.NOT_APPLICABLE
    assert OpCode.KUNMAP_LOCAL in machine(STACK_PAE, pages(1), (0,)).missing


@pytest.mark.parametrize(
    ("layout", "knows"),
    [(LOCAL_PAE, True), (LOCAL_PAE._replace(to_page_local=False), False), (STACK_PAE, False)],
)
def test_kmap_to_page_knows_what_the_guest_says(layout, knows):
    assert machine(layout, pages(1), (0,)).to_page_local is knows
    assert layout.generation is not Generation.STACK or not knows


def test_a_softirq_pins_the_task_twice_on_rt():
    guest = small(LOCAL_RT)
    seen = follow(
        guest, Operation(OpCode.SOFTIRQ, value=1), Operation(OpCode.NOP), Operation(OpCode.NOP)
    )
    assert [one.migrate for one in seen] == [0, 2, 0]
    seen = follow(small(), Operation(OpCode.SOFTIRQ, value=1), Operation(OpCode.NOP))
    assert [one.migrate for one in seen] == [0, 0]


def test_a_softirq_is_refused_where_rt_would_leave_it_to_ksoftirqd():
    steps = Operation(OpCode.PREEMPT_OFF), Operation(OpCode.SOFTIRQ, value=1)
    assert follow(small(LOCAL_RT), *steps)[1].status is Status.REFUSED
    assert follow(small(), *steps)[1].status is Status.OK
