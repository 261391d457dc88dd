"""The table of operations: complete, and consistent in itself."""

from harness.model.records.operation import (
    ATOMIC_MAPS,
    MAPPING,
    NEVER_ATOMIC,
    OPERATIONS,
    PFN_MAPS,
    TYPED_OPERATIONS,
    UNMAPPING,
    WINDOW_MAPS,
    AtomicSection,
    OpCode,
    OperationFlag,
    operations_with,
)


def test_every_operation_has_one_record_and_a_word_of_its_own() -> None:
    """No operation is missing, and no two share a word."""
    assert set(OPERATIONS) == set(OpCode)
    assert all(code is kind.code for code, kind in OPERATIONS.items())
    assert len({kind.word for kind in OPERATIONS.values()}) == len(OpCode)


def test_each_mapping_names_the_unmapping_of_its_own_place() -> None:
    """A mapping operation has an unmapping one, in the same area and of the same family."""
    family = (
        OperationFlag.PKMAP | OperationFlag.WINDOW | OperationFlag.TYPED
        | OperationFlag.ATOMIC | OperationFlag.LOCAL
    )  # fmt: skip
    for code, kind in OPERATIONS.items():
        assert (kind.unmap is not None) == (code in MAPPING)
        if kind.unmap is not None:
            assert kind.unmap in UNMAPPING
            assert kind.flags & family == OPERATIONS[kind.unmap].flags & family


def test_each_atomic_section_can_be_entered_and_left() -> None:
    """Every section has operations that enter and that leave it."""
    assert {kind.enters for kind in OPERATIONS.values()} - {None} == set(AtomicSection)
    assert {kind.leaves for kind in OPERATIONS.values()} - {None} == set(AtomicSection)
    entering = {code for code, kind in OPERATIONS.items() if kind.enters is AtomicSection.ATOMIC}
    assert entering == ATOMIC_MAPS


def test_flags_agree_with_each_other() -> None:
    """What is refused in any atomic section is refused in an interrupt, and so on."""
    assert operations_with(OperationFlag.TASK_CONTEXT) >= NEVER_ATOMIC
    assert PFN_MAPS < WINDOW_MAPS < MAPPING
    assert len(TYPED_OPERATIONS) == 2
    addressed = operations_with(OperationFlag.HAS_ADDRESS)
    assert addressed == {
        code for code, kind in OPERATIONS.items() if "address" in kind.operand.value
    }
