"""What a kernel's own text says of its flushes: which sections count, and what is kept."""

import dataclasses
import subprocess

import pytest

from harness.architecture.i386 import I386
from harness.kernel import flush_sites as module
from harness.kernel.flush_sites import flush_sites
from harness.kernel.kernel_record import Kernel, KernelConfig

SOURCE = """
    .globl _start
_start:
kunmap_high: invlpg (%eax)
    ret
    .section .init.text,"ax"
setup:  mov %eax,%cr3
    .section .rodata
    .byte 0x0f, 0x01, 0x38
    .section .altinstr_replacement,"ax"
    EXTRA
"""


@pytest.fixture
def kernel(tmp_path):
    def make(extra=""):
        source, image = tmp_path / "text.s", tmp_path / "vmlinux"
        source.write_text(SOURCE.replace("EXTRA", extra))
        compiler = [I386.compiler.gcc, "-nostdlib", "-static", "-Wl,--build-id=none"]
        subprocess.run([*compiler, "-o", image, source], check=True, capture_output=True)
        names = subprocess.run(["nm", image], check=True, capture_output=True).stdout
        (tmp_path / "System.map").write_bytes(names)
        return Kernel(
            name="k", release="6.1", version=(6, 1), flavour="", bzimage=None, vmlinux=image,
            pvh=False, banner="", vermagic="", build_dir=tmp_path, modules_dir=None,
            system_map=tmp_path / "System.map", config=KernelConfig({}, ""), content_hash=extra,
            source="",
        )  # fmt: skip

    return make


def test_only_code_that_stays_is_read(kernel, cache):
    found = flush_sites(kernel(), cache)
    assert [str(site) for site in found.sites] == ["kunmap_high+0x0"]
    assert found.unsure == ()


def test_an_alternative_that_flushes_is_no_certainty(kernel, cache):
    found = flush_sites(kernel("other: mov %eax,%cr3"), cache)
    assert [one.split(" at ")[0] for one in found.unsure] == ["an alternative"]


def test_what_was_found_is_kept(kernel, cache, monkeypatch):
    made = kernel()
    first = flush_sites(made, cache)
    monkeypatch.setattr(module, "scan", None)
    assert flush_sites(made, cache) == first


@pytest.mark.parametrize("missing", ["vmlinux", "system_map"])
def test_without_image_or_map_nothing_is_known(kernel, cache, missing):
    found = flush_sites(dataclasses.replace(kernel(), **{missing: None}), cache)
    assert found.sites == ()
    assert len(found.unsure) == 1
