"""Workloads: what the model expects of each, and what the contract says of others."""

from zlib import crc32

import pytest

from harness.model.contract import contract_workload
from harness.model.records.observation import SlotChange, Status, WindowChange
from harness.model.records.workload import CHECKPOINT_END, WORKLOADS
from harness.model.rules.workload_pages import WorkloadArea, mix, page_bytes
from harness.model.rules.workload_stages import expected_checkpoints
from tests.model.judged import detail, found, run
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("contract_workload", "workload_pages", "workload_stages")

COW = "0 WORKLOAD reg=0 value=17"
LAYOUT = of_kind("local").layout


def every(looked):
    """What all rules of workloads find."""
    return (one for rule in contract_workload.RULES for one in rule(looked))


def plain_page(seed, number, version):
    """The bytes of a page, word by word, as ``fill()`` of the agent writes them."""
    tag = mix(seed, number, version)
    words = ((tag ^ i * 0x9E3779B1) & 0xFFFFFFFF for i in range(1024))
    return b"".join(word.to_bytes(4, "little") for word in words)


def test_a_page_is_that_of_the_agent():
    assert page_bytes(3, 5, 7) == plain_page(3, 5, 7)
    assert mix(1, 2, 3) == 0xF762A98D


def test_an_area_is_its_pages():
    area = WorkloadArea(9, 2).fill(1)
    assert area.crc() == crc32(plain_page(9, 0, 1) + plain_page(9, 1, 1))
    assert area.crc(0) == crc32(plain_page(9, 1, 1))
    child = area.copy()
    area.zero(1)
    assert area.crc() == crc32(plain_page(9, 0, 1) + bytes(4096)) != child.crc()
    child.cut(4100)
    assert child.crc() == crc32(plain_page(9, 0, 1) + plain_page(9, 1, 1)[:4] + bytes(4092))


@pytest.mark.parametrize("kind", WORKLOADS)
def test_stages_follow_from_the_seed(kind):
    one, other = expected_checkpoints(kind, 1), expected_checkpoints(kind, 2)
    assert len(one) == len(other) <= 48
    assert one[-1].stage == CHECKPOINT_END
    assert all(a.crc != b.crc for a, b in zip(one[:-1], other[:-1], strict=True))
    assert len({checkpoint.stage for checkpoint in one}) == len(one)


def test_a_workload_keeps_the_contract():
    assert found(every, run("local", COW)) == []


def changed(seen, place, **changes):
    checkpoints = list(seen.seen.checkpoints)
    checkpoints[place] = checkpoints[place]._replace(**changes)
    return seen.but(checkpoints=tuple(checkpoints))


def test_contents_are_those_of_the_stage():
    seen = run("local", COW)
    assert detail(every, changed(seen, 4, crc=1)) == [
        f"stage 4 of cow: read 0x1, not {seen.seen.checkpoints[4].crc:#x}"
    ]
    assert detail(every, changed(seen, 2, error=12)) == ["stage 2 of cow failed with 12"]
    fewer = seen.but(checkpoints=seen.seen.checkpoints[:3])
    assert found(every, fewer) == ["workload-stages"]


def test_nothing_is_left_mapped():
    seen = run("local", COW)
    assert detail(every, changed(seen, 1, left=2)) == [
        "stage 1 of cow: the process has 2 mappings left"
    ]
    assert detail(every, changed(seen, -1, left=1)) == [
        "the end of cow: tasks have 1 mappings left"
    ]
    window = WindowChange(LAYOUT.window_index(1, 0), 0x5063)
    assert found(every, seen.but(windows=(window,))) == ["workload-window"]
    held = SlotChange(1, 2, 0x5063, LAYOUT.pkmap_address(1))
    assert found(every, seen.but(slots=(held,))) == ["workload-slot"]


def test_a_kernel_may_lack_a_call():
    remote = run("local", "0 WORKLOAD reg=5 value=1")
    lacking = remote.but(status=Status.NOT_APPLICABLE, checkpoints=())
    assert found(every, lacking) == []


def told(stage, *words):
    """The CRC of a stage of seed 3 whose calls have told these words and bytes."""
    told = (*words, mix(3, stage, 3000))
    parts = (
        one if isinstance(one, bytes) else (one % 2**32).to_bytes(4, "little") for one in told
    )
    return crc32(b"".join(parts))


def test_failed_calls_tell_results_and_what_arrived():
    errors = {one.stage: one.crc for one in expected_checkpoints(8, 3)}
    assert errors[0] == told(0, -14, -14, -14)
    assert errors[3] == told(3, -7, -7)
    first, second = plain_page(3, 0, 0), plain_page(3, 1, 0)
    kept = second + plain_page(3, 2, 0)
    assert errors[12] == told(12, 4096, first, -14, -14, 8192, kept, -11)
    assert errors[44] == told(44, 13, b"workload\0%d\0%d\0" % (8, 3), 8, b"workload", -14)
    remote = {one.stage: one.crc for one in expected_checkpoints(5, 3)}
    assert remote[4] == told(4, 1024, first[:1024], -14)
