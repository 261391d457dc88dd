"""The guest's and the model's records agree with kmod/protocol.h, byte for byte, name for name."""

import re
import struct

import pytest

from harness.architecture.flush_site import FlushKind
from harness.guest import (
    boot_wire,
    flush_wire,
    frame,
    gate_wire,
    history_wire,
    info_wire,
    protocol,
    schedule_wire,
    steps,
)
from harness.model.boot.address_area import AreaKind
from harness.model.boot.boot_view import FrameFlag
from harness.model.records import observation, operation, page
from harness.model.records.attribute import AttributeFound
from harness.model.records.interrupt import InterruptContext, Trigger
from tests.guest.header import read_header

_DELTAS = (
    *("PKMAP", "WINDOW", "PTEVAL", "DONE", "DEAD", "INTERRUPT", "INTERRUPT_END"),
    "CHECKPOINT",
)
ONLY_IN_THE_GUEST = {"kmh_checkpoint"}
"""Written and read there; the host gets it as a delta."""
STRUCTS = {
    "kmh_frame": frame.HEADER,
    "kmh_request": protocol.REQUEST,
    "kmh_response": protocol.RESPONSE,
    "kmh_info": protocol.INFO,
    "kmh_pool_request": protocol.POOL_REQUEST,
    "kmh_page": protocol.PAGE,
    "kmh_task_request": protocol.TASK_REQUEST,
    "kmh_op": protocol.OPERATION,
    "kmh_work": protocol.WORK,
    "kmh_flush_site": flush_wire.SITE,
    "kmh_area": boot_wire.AREA,
    "kmh_frame_range": boot_wire.RANGE,
    "kmh_frame_run": boot_wire.RUN,
    "kmh_obs": steps.OBSERVATION,
    "kmh_delta": steps.DELTA,
    "kmh_snapshot": steps.SNAPSHOT,
    "kmh_slot": steps.SLOT,
    "kmh_pte": steps.PTE,
    "kmh_ctrl": steps.TASK,
    "kmh_history_request": history_wire.REQUEST,
    "kmh_history": history_wire.LOG,
    "kmh_history_thread": history_wire.THREAD,
    "kmh_history_slot": history_wire.SLOT,
    "kmh_history_record": history_wire.RECORD,
    "kmh_gate": gate_wire.GATE,
    "kmh_schedule_thread": schedule_wire.PROGRAM,
    "kmh_schedules_request": schedule_wire.REQUEST,
    "kmh_decision": schedule_wire.DECISION,
    "kmh_schedules": schedule_wire.ANSWER,
    "kmh_outcome_log": schedule_wire.OUTCOME,
    "kmh_changed_slot": schedule_wire.CHANGED,
    "kmh_gate_event": schedule_wire.EVENT,
}
ENUMS = {
    "kmh_frame_type": (frame.FrameType, "KMH_FRAME_"),
    "kmh_request_type": (protocol.RequestType, "KMH_REQ_"),
    "kmh_pool_kind": (page.PageKind, "KMH_POOL_"),
    "kmh_opcode": (operation.OpCode, "KMH_OP_"),
    "kmh_base": (operation.Base, "KMH_BASE_"),
    "kmh_prot": (operation.Prot, "KMH_PROT_"),
    "kmh_status": (observation.Status, "KMH_ST_"),
    "kmh_flush_kind": (FlushKind, "KMH_FLUSH_"),
    "kmh_area_kind": (AreaKind, "KMH_AREA_"),
    "kmh_gate_kind": (gate_wire.GateKind, "KMH_GATE_"),
    "kmh_schedule_code": (schedule_wire.ScheduleCode, "KMH_SCHEDULE_"),
    "kmh_schedules_status": (schedule_wire.SearchStatus, "KMH_SCHEDULES_"),
}
FLAGS = {
    "KMH_CFG_": protocol.Config,
    "KMH_EV_": protocol.Evidence,
    "KMH_FRAME_": FrameFlag,
    "KMH_GATE_": gate_wire.GateFlag,
    "KMH_ATTRIBUTE_": AttributeFound,
}


@pytest.fixture(scope="module")
def header(tmp_path_factory):
    return read_header(tmp_path_factory.mktemp("header"))


def fields(layout):
    """(offset, size, signed) of each field of a struct format; padding is left out."""
    offset = 0
    for count, code in re.findall(r"(\d*)([a-zA-Z])", layout.format):
        size = struct.calcsize("<" + code)
        if code in "sx":
            size *= int(count or 1)
        for _ in range(1 if code in "sx" else int(count or 1)):
            if code != "x":
                yield offset, size, code in "bhiq"
            offset += size


def joined(members):
    """(offset, size, signed) of C's members; two halves are one number, padding is left out."""
    members = [one for one in members if not (one.name.startswith("reserved") and one.size == 1)]
    for here, following in zip(members, [*members[1:], None], strict=True):
        if following and (here.name, following.name) in PAIRS:
            yield here.offset, 8, False
        elif not any(before and (before, here.name) in PAIRS for before in names(members)):
            yield here.offset, here.size, here.signed


def names(members):
    return [member.name for member in members]


PAIRS = {("pte_lo", "pte_hi"), ("lo", "hi"), ("b", "c")}


@pytest.mark.parametrize("name", STRUCTS)
def test_structures(header, name):
    layout = STRUCTS[name]
    assert layout.size == header.sizes[name]
    assert list(fields(layout)) == list(joined(header.structs[name]))


def test_every_structure_is_compared(header):
    assert set(header.structs) - ONLY_IN_THE_GUEST == set(STRUCTS)


@pytest.mark.parametrize("name", ENUMS)
def test_enumerations(header, name):
    ours, prefix = ENUMS[name]
    assert {prefix + member.name: int(member) for member in ours} == header.enums[name]


def test_contexts_and_triggers(header):
    assert header.enums["kmh_context"] == {
        f"KMH_CONTEXT_{one.name}": one for one in InterruptContext
    }
    first = header.enums["kmh_trigger"].pop("KMH_TRIGGER_FUNCTIONS")
    assert header.enums["kmh_trigger"] == {
        f"KMH_TRIGGER_{one.name}": one for one in Trigger if one < first
    }
    assert first == Trigger.MAP


def test_deltas_and_generations(header):
    kinds = {f"KMH_DELTA_{name}": getattr(steps, f"DELTA_{name}") for name in _DELTAS}
    assert kinds == header.enums["kmh_delta_kind"]
    assert set(header.enums["kmh_generation"].values()) == set(info_wire._GENERATIONS)


@pytest.mark.parametrize("prefix", FLAGS)
def test_flags(header, prefix):
    theirs = {name: value for name, value in header.flags.items() if name.startswith(prefix)}
    assert {prefix + str(member.name): int(member) for member in FLAGS[prefix]} == theirs


def test_flags_of_observations(header):
    theirs = {name: value for name, value in header.flags.items() if name.startswith("KMH_OBS_")}
    ours = {
        f"KMH_OBS_{name}": getattr(steps, f"FLAG_{name}")
        for name in ("IRQS_OFF", "HARDIRQ", "SOFTIRQ", "NO_PAGE_ADDRESS", "OVERFLOW")
    }
    assert ours == theirs


def test_operation_has_the_order_of_the_wire(header):
    assert list(operation.Operation._fields) == names(header.structs["kmh_op"])
