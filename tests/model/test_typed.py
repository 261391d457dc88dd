"""The typed generation: addresses by type and CPU, same type twice, wrong type at unmap."""

from harness.model.records.km_type import KM_TYPES_2_6_24, KM_TYPES_2_6_32, slot, window_size
from harness.model.records.layout import Generation
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode
from tests.model.machines import LOCAL_PAE, full
from tests.model.test_facts import Guest

TYPED = LOCAL_PAE._replace(
    generation=Generation.TYPED, window=13, fix_kmap_end=68 + 13 * 32 - 1, preempt_count=True
)


def test_sizes_of_their_time():
    assert [window_size(KM_TYPES_2_6_24, debug=debug) for debug in (False, True)] == [13, 27]
    assert [window_size(KM_TYPES_2_6_32, debug=debug) for debug in (False, True)] == [19, 39]
    assert slot(3, debug=True) == 7


def test_address_by_type_and_cpu():
    guest = Guest(full(TYPED))
    for kind in range(13):
        seen = guest.do(OpCode.KMAP_ATOMIC, page=kind, reg=kind, value=kind)
        assert seen.value == TYPED.fixaddr(68 + kind)
        assert seen.preempt == kind + 1
    assert guest.do(OpCode.KMAP_ATOMIC, task=2, page=1, reg=20, value=3).value == TYPED.fixaddr(
        68 + 13 + 3
    )


def test_same_type_twice_is_a_bug_for_highmem_only():
    guest = Guest(full(TYPED))
    guest.do(OpCode.KMAP_ATOMIC, page=1, reg=1, value=3)
    assert guest.do(OpCode.KMAP_ATOMIC, page=700, reg=2, value=3).status is Status.OK
    assert guest.do(OpCode.KMAP_ATOMIC, page=2, reg=3, value=3).status is Status.DIED


def test_wrong_type_at_unmap_leaves_the_entry():
    guest = Guest(full(TYPED))
    guest.do(OpCode.KMAP_ATOMIC, page=1, reg=1, value=3)
    seen = guest.do(OpCode.KUNMAP_ATOMIC, reg=1, value=4)
    assert (seen.windows, seen.invlpgs, seen.preempt) == ((), 0, 0)
    assert guest.do(OpCode.KMAP_ATOMIC, page=2, reg=2, value=3).status is Status.DIED
