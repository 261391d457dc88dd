"""Stock kernels from an archive on disk: what is fetched, refused, and left behind."""

import errno
import json
import multiprocessing
import os
import shutil
import subprocess

import pytest

from harness.base.cache import Cache, CacheFullError, CacheUnwritableError
from harness.cli.kernels import _lines
from harness.kernel import KernelUnobtainableError, obtain, statuses
from harness.kernel.by_name import kernel_names
from harness.kernel.catalogue import UnknownKernelError

NAME = "debian-6.1-686-pae"


class Listener:
    def __init__(self):
        self.steps, self.notes = [], []

    def step(self, text):
        self.steps.append(text)

    def advance(self, done, total, what=""):
        pass

    def note(self, text):
        self.notes.append(text)


def leftovers(cache):
    return list(cache.root.rglob(".new-*"))


def unlink_apt(monkeypatch, tmp_path):
    """No program at all in PATH: neither apt nor dpkg can be run."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_newest_abi_is_taken_and_described(archive, cache):
    archive.kernel("bookworm", "47", "6.1.170-3")
    release = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    kernel = obtain(NAME, cache)
    assert (kernel.release, kernel.version, kernel.flavour) == (release, (6, 1, 176), "686-pae")
    assert kernel.pvh
    assert kernel.boot_image == kernel.vmlinux
    assert kernel.vermagic == f"{release} SMP preempt mod_unload modversions 686"
    assert kernel.config.enabled("CONFIG_SMP")
    assert not kernel.config.enabled("CONFIG_LOCALVERSION")
    assert leftovers(cache) == []


def test_packages_in_the_cache_are_its_own(archive, cache):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    obtain(NAME, cache)
    debs = list((cache.root / "debs").iterdir())
    assert len(debs) == 4
    assert not any(deb.is_symlink() for deb in debs)


def test_numbers_of_abi_are_not_compared_as_text(archive, cache):
    archive.kernel("bookworm", "9", "6.1.27-1")
    release = archive.kernel("bookworm", "10", "6.1.38-1")
    archive.publish()
    assert obtain(NAME, cache).release == release


def test_kernel_without_the_note_boots_its_bzimage(archive, cache):
    archive.kernel("bookworm", "50", "6.1.176-1", pvh=False)
    archive.publish()
    kernel = obtain(NAME, cache)
    assert not kernel.pvh
    assert kernel.boot_image == kernel.bzimage


def test_headers_work_from_the_cache_and_after_it_was_moved(archive, cache, tmp_path):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    obtain(NAME, cache)
    shutil.move(cache.root, tmp_path / "moved")
    kernel = obtain(NAME, Cache(tmp_path / "moved"))
    said = subprocess.run(
        ["make", "-C", kernel.build_dir], capture_output=True, text=True, check=True
    )
    assert "it works" in said.stdout


def test_cached_kernel_needs_no_program(archive, cache, monkeypatch, tmp_path):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    first = obtain(NAME, cache)
    unlink_apt(monkeypatch, tmp_path)
    assert obtain(NAME, cache) == first


def test_refresh_takes_the_newer_kernel(archive, cache):
    old = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    assert obtain(NAME, cache).release == old
    new = archive.kernel("bookworm-security", "51", "6.1.180-1")
    archive.publish()
    assert obtain(NAME, cache).release == old
    assert obtain(NAME, cache, refresh=True).release == new


def test_failed_refresh_leaves_the_kernel_that_was_there(archive, cache):
    release = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    obtain(NAME, cache)
    archive.sources()
    with pytest.raises(Exception, match="names no source of the Debian archive"):
        obtain(NAME, cache, refresh=True)
    assert obtain(NAME, cache).release == release


def test_other_release_is_derived_from_the_hosts_lines(archive, cache):
    release = archive.kernel("bullseye", "32", "5.10.223-1", series="5.10")
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    archive.sources("bookworm")
    assert obtain("debian-5.10-686-pae", cache).release == release


def test_missing_file_leads_to_the_next_candidate(archive, cache):
    older = archive.kernel("bookworm", "47", "6.1.170-3")
    newer = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    archive.deb(f"linux-image-{newer}").unlink()
    listener = Listener()
    assert obtain(NAME, cache, listener).release == older
    assert f"linux-image-{newer}" in "".join(listener.notes[:-1])
    assert listener.notes[-1].startswith(f"{older} is the newest of which all could")
    (row,) = [one for one in statuses(cache) if one.name == NAME]
    assert [f"linux-image-{newer}" in reason for reason in row.passed_over] == [True]
    assert "passed over 1 newer" in list(_lines(row))[1]


def test_nothing_is_said_of_others_where_the_newest_is_taken(archive, cache):
    archive.kernel("bookworm", "47", "6.1.170-3")
    newer = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    listener = Listener()
    assert obtain(NAME, cache, listener).release == newer
    assert listener.notes == []
    (row,) = [one for one in statuses(cache) if one.name == NAME]
    assert row.passed_over == ()
    assert len(list(_lines(row))) == 1


def test_missing_kbuild_leads_to_one_of_the_same_series(archive, cache):
    archive.kernel("bookworm", "47", "6.1.170-3")
    newer = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    archive.deb("linux-kbuild-6.1").unlink()
    assert obtain(NAME, cache).release == newer


@pytest.mark.parametrize("damage", [lambda data: data[:-100], lambda data: data[:-1] + b"!"])
def test_damaged_package_is_refused_and_all_that_was_tried_is_named(archive, cache, damage):
    release = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    deb = archive.deb(f"linux-headers-{release}")
    deb.write_bytes(damage(deb.read_bytes()))
    with pytest.raises(KernelUnobtainableError) as caught:
        obtain(NAME, cache)
    assert f"linux-headers-{release} 6.1.176-1 (bookworm)" in str(caught.value)
    assert caught.value.exit_code == 2
    assert leftovers(cache) == []
    assert statuses(cache)[1].kernel is None


def test_half_published_index_is_passed_over(archive, cache):
    release = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.kernel("bookworm-security", "51", "6.1.180-1")
    archive.publish()
    index = archive.root / "dists/bookworm-security/main/binary-i386/Packages"
    index.write_text(index.read_text() + "\n")
    assert obtain(NAME, cache).release == release


def test_half_published_index_is_named_when_nothing_is_left(archive, cache):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    index = archive.root / "dists/bookworm/main/binary-i386/Packages"
    index.write_text(index.read_text() + "\n")
    with pytest.raises(KernelUnobtainableError, match="binary-i386/Packages"):
        obtain(NAME, cache)


def test_unsigned_archive_is_refused(archive, cache):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    archive.sources("bookworm", options="")
    with pytest.raises(KernelUnobtainableError, match="not signed"):
        obtain(NAME, cache)


def test_image_without_headers_is_named(archive, cache):
    release = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.suites["bookworm"].packages["i386"] = [
        stanza
        for stanza in archive.suites["bookworm"].packages["i386"]
        if not stanza.startswith(f"Package: linux-headers-{release}\n")
    ]
    archive.publish()
    with pytest.raises(KernelUnobtainableError, match=f"the index lacks linux-headers-{release}"):
        obtain(NAME, cache)


def test_unknown_name_suggests_near_ones():
    with pytest.raises(UnknownKernelError, match=r"did you mean debian-6\.1-686-pae"):
        obtain("debian-6.1-686pae")


def test_cache_that_cannot_be_written(archive, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CacheUnwritableError, match="cannot be written") as caught:
        obtain(NAME, Cache(tmp_path / "file" / "cache"))
    assert "KMAP_HARNESS_CACHE" in str(caught.value)
    assert caught.value.exit_code == 2


def test_no_space_is_seen_before_it_is_used(archive, cache, monkeypatch):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    usage = shutil.disk_usage(archive.root)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(CacheFullError, match="0 MiB free"):
        obtain(NAME, cache)
    assert leftovers(cache) == []


def test_no_space_in_the_middle_leaves_nothing(archive, cache, monkeypatch):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("harness.kernel.unpack.extract_vmlinux", full)
    with pytest.raises(CacheFullError):
        obtain(NAME, cache)
    assert leftovers(cache) == []
    assert statuses(cache)[1].kernel is None


def test_record_of_another_format_is_made_anew(archive, cache):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    first = obtain(NAME, cache)
    (first.vmlinux.parent / "kernel.json").write_text(json.dumps({"name": NAME}))
    assert obtain(NAME, cache) == first


def obtain_release(root, queue):
    listener = Listener()
    kernel = obtain(NAME, Cache(root), listener)
    queue.put(
        (kernel.release, str(kernel.vmlinux), any("unpacking" in step for step in listener.steps))
    )


def test_processes_at_once_make_it_once(archive, cache):
    release = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=obtain_release, args=(cache.root, queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    results = [queue.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert {(one, path) for one, path, _ in results} == {
        (release, str(obtain(NAME, cache).vmlinux))
    }
    assert sum(made for _, _, made in results) == 1
    assert leftovers(cache) == []


def test_status_says_what_is_cached(archive, cache):
    release = archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    obtain(NAME, cache)
    found = {status.name: status.kernel and status.kernel.release for status in statuses(cache)}
    assert found[NAME] == release
    assert [name for name, cached in found.items() if cached] == [NAME]
    assert tuple(found) == kernel_names()
