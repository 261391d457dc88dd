"""QEMU never outlives the harness, however that ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

STARTER = """
import sys, time
from pathlib import Path
from harness.guest.qemu import QemuMachine
from harness.guest.qemu_session import QemuSession
from harness.guest.shape import Shape

folder = Path(sys.argv[1])
nothing = folder / "empty"
nothing.write_bytes(b"")
session = QemuSession(QemuMachine(Shape(smp=1), Path(sys.argv[2]), nothing), folder)
print(session.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.guest
def test_qemu_dies_with_a_killed_harness(pae, tmp_path):
    command = [sys.executable, "-c", STARTER, tmp_path, pae.kernel.boot_image]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as harness:
        emulator = int(harness.stdout.readline())
        assert Path(f"/proc/{emulator}").exists()
        os.kill(harness.pid, signal.SIGKILL)
    patience = time.monotonic() + 30
    while Path(f"/proc/{emulator}").exists():
        assert time.monotonic() < patience, "QEMU is still there"
        time.sleep(0.05)
