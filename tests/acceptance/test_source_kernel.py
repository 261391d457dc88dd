"""A kernel that was built from source is as good as a stock one."""

import pytest

from harness.base.progress import Quiet
from harness.compare.divergence import Verdict
from harness.guest.shape import Shape
from harness.guest.template import BOOTS, TIMERLESS
from harness.history.history_runner import HistoriesRequest, run_histories
from harness.kernel.built import built_tree
from harness.report.histories_report import histories_lines
from harness.run.prepare import find_kernel, prepare

from .bench import judged, summary_of

pytestmark = pytest.mark.guest


def test_a_kernel_from_source_is_judged(tree61, tmp_path):
    prepared = prepare(tree61.name, None, Quiet())
    assert prepared.kernel == tree61
    result = judged(prepared, tmp_path, "atomic-beside-window", "pkmap-wait", steps=500, smp=2)
    assert result.verdict is Verdict.AGREE, summary_of(result)
    assert result.steps > 500


def test_its_image_can_be_given_with_its_folder(tree61):
    given = find_kernel(str(tree61.vmlinux), tree61.build_dir, Quiet())
    assert given.content_hash == tree61.content_hash
    assert given.release == tree61.release


def test_it_holds_the_wire_and_the_probes_that_stock_kernels_have(tree61):
    for name in ("VIRTIO_PCI", "VIRTIO_CONSOLE", "KPROBES", "KALLSYMS_ALL", "CRC32", "PVH"):
        assert tree61.config.enabled(f"CONFIG_{name}"), name
    assert tree61.pvh
    assert tree61.system_map
    assert built_tree(tree61).objects == tree61.build_dir


def test_concurrent_histories_end_where_kprobes_become_jumps(tree61, tmp_path):
    """Threads that spun while probes were placed kept the optimizer waiting, and it the module."""
    request = HistoriesRequest(Shape(smp=2, parallel=True), 1, 15_000, tmp_path)
    result = run_histories(prepare(tree61.name, None, Quiet()), request, Quiet())
    said = "\n".join(histories_lines(result))
    assert (result.exit_code, result.undecided) == (0, 0), said
    assert result.operations >= 15_000


def test_a_cpu_starts_after_probes_have_become_jumps(tree61, tmp_path):
    """The optimizer took a disabled probe away while the CPU, still without IDT, ran into it."""
    prepared = prepare(tree61.name, None, Quiet())
    result = judged(prepared, tmp_path, "local-cpu-offline", smp=2)
    assert result.verdict is Verdict.AGREE, summary_of(result)


def keeps_its_timer(prepared, shape, folder):
    """Whether one of some guests uses the local APIC's timer; on a busy host a guest may not."""
    folder.mkdir()
    for _ in range(BOOTS):
        with prepared.parts(shape).boot(folder):
            if TIMERLESS not in (folder / "console.log").read_text():
                return True
    return False


def test_it_has_the_timer_that_only_the_true_rate_of_the_tsc_gives_it(tree61, tmp_path):
    prepared = prepare(tree61.name, None, Quiet())
    told = Shape(smp=2)
    assert keeps_its_timer(prepared, told, tmp_path / "told")
    too_slow = Shape(smp=2, tsc_khz=told.tsc_khz // 3)  # a busy host loses a quarter by itself
    assert not keeps_its_timer(prepared, too_slow, tmp_path / "too-slow")
