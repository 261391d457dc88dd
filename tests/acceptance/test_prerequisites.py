"""A missing prerequisite gives one message with the remedy and exit 2, before any boot."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.base.cache import Cache
from harness.errors import UsageError
from harness.kernel.module import ModuleMismatchError, check_module
from harness.kernel.stock import obtain
from harness.run.replay import replay
from harness.trace.trace_error import TraceUnwritableError, TruncatedTraceError

from .bench import judged, summary_of, written

pytestmark = pytest.mark.guest

OTHER = "debian-5.10-686-pae"


def without(programs, folder):
    """A PATH on which everything is but *programs*."""
    folder.mkdir()
    for place in map(Path, os.environ["PATH"].split(os.pathsep)):
        for program in place.iterdir() if place.is_dir() else ():
            link = folder / program.name
            if not program.name.startswith(programs) and not link.is_symlink():
                link.symlink_to(program)
    return str(folder)


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "harness", "run", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_emulator(stock, tmp_path):
    path = without("qemu-system", tmp_path / "bin")
    done = run("--out", str(tmp_path / "out"), PATH=path)
    assert done.returncode == 2, done.stderr
    assert "qemu-system-x86_64 is not installed" in done.stderr
    assert "hint: install qemu-system-x86" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_cross_compiler(stock, tmp_path, monkeypatch):
    """A private cache that links to the fetched kernel; its module is not built yet."""
    cache = Cache.default().root
    for name in ("kernels", "apt", "debs"):
        (tmp_path / "cache").mkdir(exist_ok=True)
        (tmp_path / "cache" / name).symlink_to(cache / name)
    path = without("i686-linux-gnu", tmp_path / "bin")
    done = run(
        "--out", str(tmp_path / "out"), PATH=path, KMAP_HARNESS_CACHE=str(tmp_path / "cache")
    )
    assert done.returncode == 2, done.stderr
    assert "i686-linux-gnu-gcc" in done.stderr
    assert "hint: apt-get install gcc-i686-linux-gnu" in done.stderr
    assert "Traceback" not in done.stderr
    made = [
        path
        for path in (tmp_path / "cache").rglob("*")
        if path.is_file() and "locks" not in path.parts
    ]
    assert not made


def test_a_module_for_another_kernel_is_refused_before_a_boot(stock):
    with pytest.raises(
        ModuleMismatchError, match=r"vermagic is 6\.1.*, the kernel's is 5\.10"
    ) as caught:
        check_module(obtain(OTHER), stock.module.path)
    assert caught.value.exit_code == 2
    assert "make -C" in caught.value.hint


def test_a_disk_that_is_full_for_the_trace(stock, tmp_path):
    (tmp_path / "full.trace").symlink_to("/dev/full")
    scenario = written(
        tmp_path, "tasks: a@0\npages: high 1\nfor i in 0..99 { a: m0 = kmap h0; a: kunmap h0 }\n"
    )
    with pytest.raises(
        TraceUnwritableError, match=r"full\.trace cannot be written: No space left"
    ) as caught:
        judged(stock, tmp_path / "out", scenario, trace=tmp_path / "full.trace")
    assert caught.value.exit_code == 2


def test_a_trace_that_was_cut_off(stock_trace, tmp_path):
    cut = tmp_path / "cut.trace"
    data = stock_trace.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(
        TruncatedTraceError, match=r"cut\.trace: the trace is cut off after \d+ steps"
    ):
        replay(cut)


def test_a_trace_with_a_flipped_bit(stock_trace, tmp_path):
    damaged = tmp_path / "damaged.trace"
    data = bytearray(stock_trace.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(UsageError, match=r"damaged\.trace"):
        replay(damaged)


def test_only_what_does_not_apply_is_no_success(stock, tmp_path):
    result = judged(stock, tmp_path, "atomic-to-page")
    assert (result.exit_code, result.steps) == (3, 0)
    assert "no step was executed" in summary_of(result)
    assert "left out    1 scenario: 1 do" in summary_of(result)


def test_a_scenario_that_names_what_it_does_not_declare(stock, tmp_path):
    text = "tasks: a@0\npages: high 1\na: m0 = kmap h0\nb: kunmap h0\n"
    with pytest.raises(UsageError, match=r"own\.kmap:4:1: unknown task: 'b'"):
        judged(stock, tmp_path, written(tmp_path, text))
