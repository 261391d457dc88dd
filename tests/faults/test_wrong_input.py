"""Files and options that cannot be used: one message with a remedy, exit 2, before any work."""

import gzip
import os
import struct
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from harness.base.cache import Cache, CacheUnwritableError, SourceFileError
from harness.base.output_files import require_writable, write_whole
from harness.base.toml_file import TomlFileError
from harness.errors import PrerequisiteError, UsageError
from harness.guest.shape import Shape, Wire
from harness.kernel.build_recipe import recipes
from harness.kernel.image import ImageError
from harness.kernel.kernel_record import KernelConfig
from harness.kernel.user import user_kernel
from harness.run.drivers import require_drivers
from tests.kernel.archive import bzimage, elf_image

SCENARIO = "title: one\ntasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n"


def said(place, *words):
    """What the command line says to wrong use."""
    (place / "one.kmap").write_text(SCENARIO)
    command = [sys.executable, "-m", "harness", *map(str, words)]
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, check=False, timeout=100
    )
    assert (done.returncode, done.stdout) == (2, ""), done
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def build_dir(tmp_path):
    folder = tmp_path / "build"
    (folder / "include/generated").mkdir(parents=True)
    (folder / "include/generated/utsrelease.h").write_text('#define UTS_RELEASE "6.1.0"\n')
    (folder / ".config").write_text("CONFIG_SMP=y\n")
    return folder


# -- kernels


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ("arch/x86/boot/bzImage", "there is no arch/x86/boot/bzImage"),
        (".", ". is no file, and so no kernel image"),
        ("./one.kmap", "add --build-dir DIR"),
        ("debian-6.1-686-pea", "did you mean"),
    ],
)
def test_a_kernel_that_is_none(tmp_path, kernel, words):
    assert words in said(tmp_path, "run", "--kernel", kernel, "--scenario", "one.kmap")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".kmap"]


@pytest.mark.parametrize(
    ("image", "folder", "words"),
    [
        ("build", "build", "is no file"),
        ("missing", "build", "there is no"),
        ("one", "one", "is no folder"),
        ("one", "missing", "there is no"),
    ],
)
def test_a_path_that_is_not_what_it_should_be(tmp_path, build_dir, image, folder, words):
    (tmp_path / "one").write_bytes(elf_image("6.1.0"))
    with pytest.raises(UsageError, match=words):
        user_kernel(tmp_path / image, tmp_path / folder, Cache(tmp_path / "cache"))


def wide(image):
    """*image* as one of a 64-bit kernel."""
    return image[:4] + b"\2" + image[5:16] + struct.pack("<HH", 2, 62) + image[20:]


IMAGES = {
    "empty": b"",
    "text": b"hello\n" * 200,
    "gzip": gzip.compress(b"hello"),
    "64-bit": wide(elf_image("6.1.0")),
    "64-bit-compressed": bzimage(wide(elf_image("6.1.0")), "6.1.0"),
    "other-machine": elf_image("6.1.0", machine=40),
    "header-only": elf_image("6.1.0")[:52],
    "compressed-header-only": bzimage(elf_image("6.1.0"), "6.1.0")[:0x206],
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_that_cannot_be_used(tmp_path, build_dir, name):
    image = tmp_path / "image"
    image.write_bytes(IMAGES[name])
    with pytest.raises(ImageError) as raised:
        user_kernel(image, build_dir, Cache(tmp_path / "cache"))
    assert str(image) in raised.value.message
    assert "cache" not in raised.value.message


@pytest.mark.parametrize("compressed", [False, True])
def test_an_image_that_is_cut_anywhere(tmp_path, build_dir, compressed):
    """A kernel whose end is missing booted into a crash: exit 1, and nothing wrong with it."""
    whole = bzimage(elf_image("6.1.0"), "6.1.0") if compressed else elf_image("6.1.0")
    image, cache = tmp_path / "image", Cache(tmp_path / "cache")
    image.write_bytes(whole)
    assert user_kernel(image, build_dir, cache).release == "6.1.0"
    for size in range(0, len(whole) - 8, 1 if len(whole) < 500 else 13):
        image.write_bytes(whole[:size])
        with pytest.raises(ImageError, match="image"):
            user_kernel(image, build_dir, cache)


def kernel_with(text, modules_dir=None):
    config = KernelConfig.parse(text)
    return SimpleNamespace(config=config, release="6.1.0", modules_dir=modules_dir)


VIRTIO = "CONFIG_SMP=y\nCONFIG_NR_CPUS=8\nCONFIG_VIRTIO_PCI={0}\nCONFIG_VIRTIO_CONSOLE={0}\n"


def test_modules_of_the_wire_that_are_not_there(tmp_path):
    """Such a guest was waited for a minute, in silence."""
    with pytest.raises(UsageError, match="CONFIG_VIRTIO_PCI as a module") as raised:
        require_drivers(kernel_with(VIRTIO.format("m")), Shape())
    assert "wire=serial" in raised.value.hint
    with pytest.raises(UsageError, match="CONFIG_VIRTIO_PCI not at all"):
        require_drivers(kernel_with("CONFIG_SMP=y\n"), Shape())
    require_drivers(kernel_with(VIRTIO.format("m")), Shape(wire=Wire.SERIAL))
    require_drivers(kernel_with(VIRTIO.format("y")), Shape())
    for name in ("virtio/virtio_pci.ko", "char/virtio_console.ko"):
        path = tmp_path / "kernel/drivers" / name
        path.parent.mkdir(parents=True)
        path.touch()
    require_drivers(kernel_with(VIRTIO.format("m"), tmp_path), Shape())


def test_more_cpus_than_the_kernel_knows():
    with pytest.raises(UsageError, match=r"9 CPUs asked for, and .* knows 8"):
        require_drivers(kernel_with(VIRTIO.format("y")), Shape(smp=9))
    require_drivers(kernel_with(VIRTIO.format("y")), Shape(smp=8))


# -- options


def test_the_help_names_the_limit_that_the_error_names(tmp_path):
    command = [sys.executable, "-m", "harness", "run", "--help"]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "CPUs of the guest, 1 to 32" in done.stdout
    assert "a guest has 1 to 32 CPUs" in said(tmp_path, "run", "--smp", "33")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("run", "--smp", "2", "--shape", "smp=4"), "both say what smp is"),
        (("run", "--memory", "512", "--shape", "pti,memory=256"), "both say what memory is"),
        (("check", "--kernel", "6.1-pae", "--tree", "."), "both name a source"),
        (("run", "--json", "a", "--trace", "./a"), "two results would be written to"),
        (("check", "--json", "a", "--mail", "a"), "two results would be written to"),
    ],
)
def test_options_that_exclude_each_other(tmp_path, words, what):
    assert what in said(tmp_path, *words)


# -- results


@pytest.mark.parametrize("command", ["run", "diff", "claims", "broken-rules", "histories"])
def test_a_pipe_that_nobody_reads(tmp_path, command):
    """The command hung as it tried the pipe."""
    os.mkfifo(tmp_path / "pipe")
    words = (command, "x") if command == "diff" else (command,)
    assert "nobody reads from the pipe" in said(tmp_path, *words, "--json", "pipe")
    assert (tmp_path / "pipe").is_fifo()


def test_a_pipe_that_somebody_reads(tmp_path):
    """Its reader took the trial for the end of the result."""
    path, got = tmp_path / "pipe", []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    script = (
        "import sys; from pathlib import Path; from harness.base import output_files as files\n"
        "path = Path(sys.argv[1]); files.require_writable([path]); files.write_whole(path, 'all')"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=100)
    reader.join(100)
    assert got == ["all"]


def test_a_reader_that_has_gone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PrerequisiteError, match="nobody reads"):
        write_whole(tmp_path / "pipe", "text")


def test_two_results_for_the_terminal(tmp_path):
    """Nothing is lost where two results go to a device."""
    device = tmp_path / "device"
    device.symlink_to("/dev/null")
    require_writable([device, device])
    with pytest.raises(UsageError, match="two results"):
        require_writable([tmp_path / "a", tmp_path / "b" / ".." / "a"])
    assert not (tmp_path / "a").exists()


# -- files of the project and of the user


@pytest.mark.parametrize(
    "text",
    ["[kernel", "", "kernel = 3", "[series]\n[kernel.a]\n", "[series.a]\nb=1\n[kernel]", "\xff"],
)
def test_a_catalogue_that_is_wrong(tmp_path, text):
    path = tmp_path / "kernels.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"catalogue|kernels\.toml"):
        recipes(path, tmp_path)


def test_a_catalogue_that_is_no_toml_says_where(tmp_path):
    (tmp_path / "kernels.toml").write_text("[series]\na = = 1\n")
    with pytest.raises(TomlFileError, match=r"kernels.toml: it is not TOML: .*line 2"):
        recipes(tmp_path / "kernels.toml", tmp_path)


def test_a_file_of_the_users_that_is_not_there(tmp_path):
    """It was "the cache cannot be written", whatever file was missing."""
    cache = Cache(tmp_path / "cache")
    with pytest.raises(SourceFileError, match="tree/Makefile"), cache.guarded():
        (tmp_path / "tree/Makefile").read_text()
    with pytest.raises(CacheUnwritableError), cache.guarded():
        (cache.root / "kernels" / "x").write_text("")
