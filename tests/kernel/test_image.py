"""Kernel images: the payload of a bzImage and the facts of an ELF image."""

import bz2
import gzip
import lzma
import shutil
import struct

import pytest

from harness.architecture.i386 import I386
from harness.kernel import image
from harness.kernel.image import (
    ImageError,
    boots_directly,
    extract_vmlinux,
    image_release,
    read_facts,
)
from harness.kernel.systemmap import belongs, read_virtual

from .archive import bzimage, elf_image

RELEASE = "6.1.0-50-686-pae"


@pytest.fixture
def elf(tmp_path):
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_image(RELEASE))
    return path


def packed(tmp_path, payload):
    data = bytearray(bzimage(elf_image(RELEASE), RELEASE)[: 1024 + 16])
    struct.pack_into("<II", data, 0x248, 16, len(payload))
    path = tmp_path / "bzImage"
    path.write_bytes(bytes(data) + payload + b"tail")
    return path


@pytest.mark.parametrize("compress", [lzma.compress, gzip.compress, bz2.compress, bytes])
def test_payload_is_found_and_decompressed(tmp_path, compress):
    elf = elf_image(RELEASE)
    path = packed(tmp_path, compress(elf) + struct.pack("<I", len(elf)))
    assert extract_vmlinux(path, I386)[: len(elf)] == elf
    assert image_release(path, I386) == RELEASE


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b"\xfd7zXZ\0broken", "cannot be decompressed"),
        (b"????????", "unknown way"),
        (lzma.compress(b"not an image") + b"size", "no ELF file"),
    ],
)
def test_payload_that_is_none_is_an_error(tmp_path, payload, said):
    with pytest.raises(ImageError, match=said):
        extract_vmlinux(packed(tmp_path, payload), I386)


def test_file_that_is_no_image(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"text" * 400)
    with pytest.raises(ImageError, match="neither an ELF file nor a bzImage"):
        extract_vmlinux(path, I386)


def test_program_for_the_decompression_is_named_when_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Exception, match="apt-get install zstd"):
        extract_vmlinux(packed(tmp_path, b"\x28\xb5\x2f\xfdxxxx"), I386)


def test_facts_of_an_image(elf):
    facts = read_facts(elf, I386)
    assert facts.release == RELEASE
    assert facts.banner.startswith(f"Linux version {RELEASE} (")
    assert facts.vermagic == f"{RELEASE} SMP preempt mod_unload modversions 686"
    assert facts.pvh


def test_other_notes_are_not_taken_for_the_entry(tmp_path):
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_image(RELEASE, pvh=False))
    assert not boots_directly(path, I386)


def test_image_of_another_machine_is_refused(tmp_path):
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_image(RELEASE, machine=62))
    with pytest.raises(ImageError, match="EM_X86_64"):
        read_facts(path, I386)


def test_elf_without_a_banner_is_no_kernel(tmp_path):
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_image(RELEASE).replace(b"Linux version", b"Minix version"))
    with pytest.raises(ImageError, match="no 'Linux version' banner"):
        read_facts(path, I386)


def test_system_map_belongs_only_to_the_image_with_its_banner(elf):
    here = b"c1000000 R linux_banner\n"
    assert belongs(b"c0000000 T startup\n" + here, elf, RELEASE)
    assert not belongs(here, elf, "6.1.0-51-686-pae")
    assert not belongs(b"c1000010 R linux_banner\n", elf, RELEASE)
    assert not belongs(b"c1000000 R other\n", elf, RELEASE)


def test_virtual_address_outside_of_the_image(elf):
    assert read_virtual(elf, 0xC1000000, 5) == b"Linux"
    assert read_virtual(elf, 0xC0000000, 5) == b""
    assert image.is_elf(elf)
