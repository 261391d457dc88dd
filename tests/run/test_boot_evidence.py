"""What a guest shows of its boot: its files read, the trace, and the verdict of the program."""

from dataclasses import replace
from struct import pack
from types import SimpleNamespace

import pytest

from harness.check.checked_program import CheckedKind, checked_program
from harness.compare.boot_check import broken_at_boot
from harness.compare.divergence import Verdict
from harness.compare.known_bugs import KnownBug, KnownBugs
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import RunJudge, judge_records
from harness.guest.boot_wire import AREA, RANGE, RUN
from harness.guest.failure import AgentError
from harness.guest.protocol import RequestType
from harness.guest.qemu import QemuMachine
from harness.guest.shape import Shape
from harness.model.boot.address_area import AddressArea, AreaKind
from harness.model.boot.boot_view import FrameRun, MapEntry, MemoryTotals, ZoneView
from harness.run.boot_evidence import memory_map_of, read_boot, zones_of
from harness.run.program_run import RunContext, run_program
from harness.run.run_result import ProgramOutcome
from harness.scenario.program import BOOT, boot
from harness.trace.trace_error import TraceError
from harness.trace.trace_file import TraceReader, TraceWriter
from harness.trace.trace_records import Begin, End, Header, Trouble
from tests.compare.model_guest import FULL
from tests.model.test_boot import LAYOUT, VIEW, zone
from tests.run.model_target import ModelTarget

ZONEINFO = """Node 0, zone   Normal
  per-node stats
      nr_inactive_anon 12
  pages free     21892
        boost    0
        min      593
        spanned  226813
        present  49022
        managed  22791
        cma      0
        protection: (0, 0, 256, 256)
      nr_free_pages 21892
  pagesets
    cpu: 0
              count: 63
  node_unreclaimable:  0
  start_pfn:           1
Node 0, zone  HighMem
  pages free     25894
        spanned  854530
        present  32768
        managed  32768
      nr_free_pages 25894
  start_pfn:           226814
Node 0, zone  Movable
  pages free     0
        spanned  0
        present  0
        managed  0
        protection: (0, 0, 0, 0)
"""
MEMINFO = """MemTotal:         222236 kB
MemFree:          191144 kB
HighTotal:        131072 kB
HighFree:         103576 kB
HugePages_Total:       0
"""
FACTS = SimpleNamespace(highmem_pages=32768, lowmem_pages=22791, swapper_pg_dir=0xC1000000)
AREAS = (
    AddressArea(AreaKind.DIRECT, 0, 0xC0000000, 0xF75FE000),
    AddressArea(AreaKind.VMALLOC, 0, 0xF7DFE000, 0xFF5FE000),
)


class Tables:
    """Page tables that map two pages behind the direct map, and the last page of all."""

    def __init__(self, root, pae):
        assert (root, pae) == (0x1000000, True)

    def entries(self, memory, virtual, count):
        addresses = range(virtual, virtual + count * 0x1000, 0x1000)
        return tuple(int(at in (0xF7600000, 0xF7601000, 0xFFFFF000)) for at in addresses)


ARCHITECTURE = SimpleNamespace(paging=SimpleNamespace(tables=Tables))
HEADER = Header("6.1.0", "", "", LAYOUT, FULL, 0)


def boot_params(entries):
    table = b"".join(pack("<QQI", one.start, one.end - one.start, one.kind) for one in entries)
    return (
        bytes(0x1E8) + bytes([len(entries)]) + bytes(0x2D0 - 0x1E9) + table.ljust(128 * 20, b"\0")
    )


class FileGuest:
    """A guest that has these files and no others; each answer to a file is its next version."""

    def __init__(self, **files):
        machine = QemuMachine(Shape(memory=320, highmem=None, below=192), "kernel", "initrd")
        self.session = SimpleNamespace(machine=machine, memory=None, architecture=ARCHITECTURE)
        self.files = {
            "/sys/kernel/boot_params/data": [boot_params(VIEW.firmware)],
            "/proc/zoneinfo": [ZONEINFO.encode()] * 2,
            "/proc/meminfo": [MEMINFO.encode()],
        } | files

    def read_file(self, path):
        if not self.files[path]:
            raise AgentError("FILE was refused with errno -2", errno=2)
        return self.files[path].pop(0)

    def ask(self, kind, body=b""):
        """Areas of a kernel, and all frames as they should be."""
        if kind is RequestType.AREAS:
            return memoryview(b"".join(AREA.pack(*one[:3], one.end - 1) for one in AREAS))
        runs = (
            RUN.pack(first, count, 5 if wanted == 7 and first >= 0x100000 else 0)
            for first, count, wanted in RANGE.iter_unpack(body)
        )
        return memoryview(b"".join(runs))


def test_the_files_of_a_guest_are_the_view():
    view = read_boot(FileGuest(), HEADER, FACTS)
    assert view._replace(frames=(), areas=(), mapped=()) == VIEW
    assert view.areas == AREAS
    assert view.mapped == ((0xF7600000, 0xF7602000), (0xFFFFF000, 1 << 32))
    assert view.frames[0] == FrameRun(0x100000, 0x108000, 5)
    assert [reason.partition(":")[0] for reason in broken_at_boot(HEADER, view)] == ["mapped"] * 2


def test_free_pages_that_changed_meanwhile_are_not_compared():
    later = ZONEINFO.replace("nr_free_pages 25894", "nr_free_pages 25893")
    files = {"/proc/zoneinfo": [ZONEINFO.encode(), later.encode()]}
    view = read_boot(FileGuest(**files), HEADER, FACTS)
    assert view.free is None
    assert view.zones[1].free == 25893


@pytest.mark.parametrize("path", ["/sys/kernel/boot_params/data", "/proc/zoneinfo"])
def test_a_kernel_without_the_file_is_not_judged(path):
    view = read_boot(FileGuest(**{path: []}), HEADER, FACTS)
    assert view.frames == ()
    assert judged(view._replace(mapped=())).programs[0].divergences == []


def test_a_map_that_is_cut_off_is_none():
    assert memory_map_of(boot_params(VIEW.firmware)[:-1]) == ()
    many = boot_params([MapEntry(0, 1, 1)] * 200)[: 0x2D0 + 128 * 20]
    assert len(memory_map_of(many)) == 128


def test_zones_without_pages_are_left_out():
    assert [one.name for one in zones_of(ZONEINFO)] == ["Normal", "HighMem"]
    assert zones_of("") == ()
    assert zones_of("Node 0, zone Odd\n  spanned 4\n") == (ZoneView("Odd", 0, 4, 0, 0, 0),)


def records(view):
    """What a run records of the boot."""
    made, found = boot(), []
    target = ModelTarget(made, LAYOUT)
    judge = RunJudge(HEADER, our_known_bugs())
    context = RunContext(target, judge, found.append, lambda steps: None, lambda: view)
    assert run_program(context, made).failure is None
    return found


def judged(view):
    return judge_records(HEADER, records(view), our_known_bugs())


def test_the_boot_is_judged_live_and_again_from_its_trace(tmp_path):
    path = tmp_path / "boot.trace"
    with TraceWriter(path, HEADER) as writer:
        for record in records(zone(1, managed=32769)):
            writer.write(record)
    (result,) = judge_records(HEADER, TraceReader(path).records(), our_known_bugs()).programs
    assert (result.program, result.verdict) == (BOOT, Verdict.DIVERGE)
    found = checked_program(ProgramOutcome(BOOT, "", 0.0, result))
    assert found.kind is CheckedKind.CONTRACT
    assert found.rules == {"highmem-pages", "highmem-total", "memory-total"}
    assert judged(VIEW).programs[0].verdict is Verdict.AGREE
    assert MemoryTotals(*VIEW.meminfo) == VIEW.meminfo


def test_a_trace_has_the_boot_in_its_own_program_only(tmp_path):
    begin = records(VIEW)[0]
    other = begin._replace(program=replace(begin.program, name="first"))
    path = tmp_path / "odd.trace"
    with TraceWriter(path, HEADER) as writer:
        for record in (Begin(*other), VIEW, End(0, "stopped")):
            writer.write(record)
    with pytest.raises(TraceError, match="a view of the boot stands in a program after it"):
        list(TraceReader(path).records())


WARNING = Trouble(
    -1,
    "WARNING",
    "WARNING: CPU: 0 PID: 0 at mm/early_ioremap.c:99 early_ioremap+0x1/0x2",
    ("WARNING: CPU: 0 PID: 0 at mm/early_ioremap.c:99 early_ioremap+0x1/0x2", "Call Trace:"),
)


def heard(release="6.1.0", message="mm/early_ioremap.c", name=BOOT):
    """What is made of a warning in the boot, or in a program of that name, by a list of bugs."""
    bug = KnownBug("early", "w", (6, 1), (6, 1), None, (), "s", (), "r", message=message)
    begin, *rest = records(VIEW)
    found = [begin._replace(program=replace(begin.program, name=name)), WARNING, *rest[1:]]
    header = replace(HEADER, release=release)
    (result,) = judge_records(header, found, KnownBugs((bug,))).programs
    return dict(result.known), result.unexplained


def test_a_message_of_the_boot_is_a_finding_unless_it_is_a_known_bug():
    assert heard() == ({"early": 1}, ())
    assert heard(release="6.12.0") == ({}, (WARNING,))
    assert heard(message="mm/highmem.c") == ({}, (WARNING,))
    assert heard(message="") == ({}, (WARNING,))
    assert heard(name="first") == ({}, (WARNING,))
