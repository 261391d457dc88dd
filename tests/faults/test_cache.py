"""A cache that is not what was put into it: each product is checked, reported and made again."""

import os
import random
import shutil
from functools import partial

import pytest

from harness.base.cache import Cache
from harness.base.memo import Memo
from harness.base.progress import Quiet
from harness.base.seal import PIECE, SEAL, SealError, check_folder, seal_folder
from harness.kernel import apt
from harness.kernel.build import build_program
from harness.kernel.stock import KernelDamagedError, obtain, require_headers
from harness.kernel.user import user_kernel
from tests.kernel.archive import bzimage, elf_image

NAME = "debian-6.1-686-pae"


def flipped(path):
    """One bit, with the times that the file had before."""
    content, times = bytearray(path.read_bytes()), path.stat()
    content[random.Random(1).randrange(len(content))] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def emptied(path):
    path.write_bytes(b"")


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def garbled(path):
    path.write_bytes(random.Random(2).randbytes(path.stat().st_size))


def gone(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = (flipped, emptied, cut, garbled, gone, a_folder)
damages = pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)


def said(capsys, name):
    """Whether the user was told that the product *name* is damaged."""
    return any(name in line and "damaged" in line for line in capsys.readouterr().err.splitlines())


# -- seals


@damages
def test_a_file_of_a_sealed_folder(tmp_path, damage):
    (tmp_path / "a").write_bytes(random.Random(3).randbytes(7 * PIECE + 5))
    (tmp_path / "b").write_text("b")
    files = [tmp_path / "a", tmp_path / "b"]
    seal_folder(tmp_path, files)
    check_folder(tmp_path, files)
    damage(tmp_path / "a")
    check_folder(tmp_path, files[1:])
    for wanted in (files, None):
        with pytest.raises(SealError, match=r"^a "):
            check_folder(tmp_path, wanted)


@damages
def test_a_damaged_seal(tmp_path, damage):
    (tmp_path / "a").write_text("a")
    seal_folder(tmp_path, [tmp_path / "a"])
    damage(tmp_path / SEAL)
    with pytest.raises(SealError, match="seal"):
        check_folder(tmp_path, [tmp_path / "a"])


def test_a_sealed_folder_that_was_copied_is_read_once(tmp_path):
    home, copy = tmp_path / "home", tmp_path / "copy"
    home.mkdir()
    (home / "a").write_bytes(bytes(9 * PIECE))
    seal_folder(home, [home / "a"])
    shutil.copytree(home, copy)
    before = (copy / SEAL).read_text()
    check_folder(copy, [copy / "a"])
    sealed_again = (copy / SEAL).read_text()
    check_folder(copy, [copy / "a"])
    assert before != sealed_again == (copy / SEAL).read_text()


def test_what_the_file_system_does_not_notice_is_found_by_samples(tmp_path, monkeypatch):
    """A disk that rots: every byte of the file is another, and no time of it."""
    monkeypatch.setattr("harness.base.seal._stamp", lambda _: (0, 0, 0))
    (tmp_path / "a").write_bytes(bytes(9 * PIECE))
    seal_folder(tmp_path, [tmp_path / "a"])
    check_folder(tmp_path, [tmp_path / "a"])
    (tmp_path / "a").write_bytes(b"\1" * 9 * PIECE)
    with pytest.raises(SealError, match="other content"):
        check_folder(tmp_path, [tmp_path / "a"])


def test_holes_are_content(tmp_path):
    """A saved guest's memory is mostly holes: data written into one is noticed."""
    with (tmp_path / "memory").open("wb") as file:
        file.truncate(64 * PIECE + 7)
        os.pwrite(file.fileno(), b"data", 5 * PIECE)
    seal_folder(tmp_path, [tmp_path / "memory"])
    check_folder(tmp_path, [tmp_path / "memory"])
    with (tmp_path / "memory").open("r+b") as file:
        os.pwrite(file.fileno(), b"\1", 40 * PIECE)
    with pytest.raises(SealError, match=f"from {40 * PIECE} on"):
        check_folder(tmp_path, [tmp_path / "memory"])


# -- values


@damages
def test_a_remembered_value(cache, capsys, damage):
    memo = Memo(cache, "judgements")
    memo.save("key", {"verdict": ["agree"]})
    assert memo.load("key") == {"verdict": ["agree"]}
    damage(cache.root / "judgements" / "key.json")
    assert memo.load("key") is None
    assert said(capsys, "key.json") or damage is gone
    memo.save("key", {"verdict": []})
    assert memo.load("key") == {"verdict": []}


def test_a_remembered_value_that_somebody_has_changed(cache, capsys):
    """It is valid JSON: nothing but its digest says that it is not what was judged."""
    memo = Memo(cache, "judgements")
    memo.save("key", {"verdict": "agree"})
    path = cache.root / "judgements" / "key.json"
    path.write_text(path.read_text().replace("agree", "wrong"))
    assert memo.load("key") is None
    assert said(capsys, "key.json")


# -- packages and kernels


@pytest.fixture
def kernel(archive, cache):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    return obtain(NAME, cache)


@damages
def test_a_package(archive, cache, capsys, damage, kernel):
    """A replaced package was unpacked by its name."""
    deb = max((cache.root / "debs").glob("*.deb"), key=lambda path: path.stat().st_size)
    content = deb.read_bytes()
    damage(deb)
    shutil.rmtree(cache.root / "kernels")
    again = obtain(NAME, cache)
    assert again.vmlinux.read_bytes()
    assert again.content_hash == kernel.content_hash
    assert deb.read_bytes() == content
    assert said(capsys, deb.name) or damage is gone


PARTS = {
    "vmlinux": lambda kernel: kernel.vmlinux,
    "bzImage": lambda kernel: kernel.bzimage,
    "config": lambda kernel: kernel.build_dir / ".config",
    "record": lambda kernel: kernel.vmlinux.parent / "kernel.json",
    "seal": lambda kernel: kernel.vmlinux.parent / SEAL,
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(one, marks=[pytest.mark.long] * (one not in (flipped, emptied)))
        for one in DAMAGES
    ],
    ids=lambda one: one.__name__,
)
def test_a_kernel(cache, capsys, damage, part, kernel):
    path = PARTS[part](kernel)
    content = path.read_bytes()
    damage(path)
    again = obtain(NAME, cache)
    assert again.vmlinux == kernel.vmlinux
    assert part == "seal" or path.read_bytes() == content
    assert said(capsys, kernel.vmlinux.parent.name)
    obtain(NAME, cache)
    assert not capsys.readouterr().err


@damages
def test_the_pointer_to_a_kernel(cache, damage, kernel):
    damage(kernel.vmlinux.parents[1] / "current.json")
    assert obtain(NAME, cache).vmlinux == kernel.vmlinux


@pytest.mark.parametrize("damage", [flipped, emptied, gone], ids=lambda one: one.__name__)
def test_headers_of_a_kernel(cache, capsys, damage, kernel):
    require_headers(kernel, cache)
    damage(kernel.build_dir / "Makefile")
    with pytest.raises(KernelDamagedError, match=NAME):
        require_headers(kernel, cache)
    assert said(capsys, kernel.vmlinux.parent.name)
    require_headers(obtain(NAME, cache), cache)


@damages
@pytest.mark.parametrize("file", ["updated", "index"])
def test_the_index_of_packages(archive, cache, capsys, damage, file, kernel):
    """Apt checks a signature when it fetches an index, and never again."""
    home = cache.root / "apt" / "bookworm"
    index = max((home / "lists").glob("*_Packages*"), key=lambda path: path.stat().st_size)
    damage(home / "updated" if file == "updated" else index)
    place = apt.Archive(cache, "bookworm")
    place.update(Quiet())
    assert [one.version for one in place.packages(r"linux-image-\S+-686-pae")]
    assert said(capsys, "apt/bookworm") or (file == "updated" and damage is gone)


# -- what is built


@damages
def test_a_program_of_the_guest(tmp_path, cache, capsys, damage):
    source = tmp_path / "one.c"
    source.write_text("int main(void) { return 3; }\n")
    build = partial(build_program, [source], "one", cache=cache)
    content = build().path.read_bytes()
    damage(build().path)
    assert build().path.read_bytes() == content
    assert said(capsys, "programs/") or damage is gone


@damages
def test_the_image_taken_out_of_a_users_kernel(tmp_path, cache, capsys, damage):
    folder = tmp_path / "build"
    (folder / "include/generated").mkdir(parents=True)
    (folder / "include/generated/utsrelease.h").write_text('#define UTS_RELEASE "6.1.0"\n')
    (folder / ".config").write_text("CONFIG_SMP=y\n")
    image = tmp_path / "bzImage"
    image.write_bytes(bzimage(elf_image("6.1.0"), "6.1.0"))
    taken = user_kernel(image, folder, cache).vmlinux
    content = taken.read_bytes()
    damage(taken)
    assert user_kernel(image, folder, cache).vmlinux.read_bytes() == content
    assert said(capsys, "vmlinux/") or damage is gone


def test_a_cache_whose_root_is_elsewhere_works_the_same(tmp_path, kernel, cache):
    """A cache that was copied has other inodes and times: it is read once, and believed."""
    shutil.copytree(cache.root, tmp_path / "copy", symlinks=True)
    shutil.rmtree(tmp_path / "archive")
    assert obtain(NAME, Cache(tmp_path / "copy")).content_hash == kernel.content_hash
