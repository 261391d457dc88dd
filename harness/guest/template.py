"""Templates: a guest booted once, kept as it waits for its first operation, restored many times.

A template is named by everything that it depends on, lies in the cache
(``templates/<key>/``: memory, devices, template.json, the initramfs and the console log of its
boot), is written once and never changed: restored guests map its memory copy-on-write.
The least recently used ones go when all together are too large.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from harness.architecture.flush_site import NOT_LOOKED_FOR, FlushScan
from harness.base.cache import Cache
from harness.base.seal import seal_folder
from harness.errors import InfrastructureError, PrerequisiteError
from harness.guest.bootable_kernel import BootableKernel, image_for
from harness.guest.booting import boot_guest, restore_guest
from harness.guest.deadline import Deadline
from harness.guest.protocol import PROBES
from harness.guest.qemu import Channels, QemuMachine, arguments, program
from harness.guest.qemu_session import QemuSession
from harness.guest.request_script import RequestScript
from harness.guest.running_guest import Guest
from harness.guest.saved import Saved, copy_memory
from harness.guest.shape import Accelerator, Shape

FORMAT = 3
SETTLE_SECONDS = 2.5
"""Seconds for the kernel's deferred work after a boot.

It refines the TSC's rate for one second and changes its clock source, which every restored guest
would do again.
"""
MOST_MIB = 4096
"""MiB for all templates together; the one made last stays in any case."""
LIMIT = "KMAP_HARNESS_TEMPLATES_MIB"
"""The environment variable that sets another."""

TIMERLESS = "APIC timer disabled due to verification failure"
"""A kernel without ACPI says so where a busy host spoilt the check of its timer against jiffies.

Its ticks are then broadcast, and its timers as coarse as those (arch/x86/kernel/apic/apic.c, 5.10
to 7.3).
"""

BOOTS = 3
"""A guest without its timer is accepted after so many boots."""

_NOWHERE = Channels("null", "null", "null", "/nowhere")


class GuestParts(NamedTuple):
    """The parts that a guest is made from."""

    kernel: BootableKernel
    shape: Shape
    module: Path
    agent: Path
    flushes: FlushScan = NOT_LOOKED_FOR
    """The instructions that drop translations: a saved guest has probes there."""

    @property
    def lasting(self) -> bool:
        """Tell whether restores of one boot can replace boots.

        They cannot under KVM, nor where instructions are counted from the boot on. With KASLR all
        restores of one template have its addresses; other variants have others.
        """
        return not self.shape.icount and self.shape.accelerator is Accelerator.TCG

    def boot(self, workdir: Path, script: RequestScript | None = None) -> Guest:
        """Boot a guest; with a *script*, one that executes it."""
        return boot_guest(self.kernel, self.shape, self.module, self.agent, workdir, script=script)


@dataclass(frozen=True, slots=True)
class Template:
    """A saved guest: its folder, its machine, and the number of the next request it expects."""

    folder: Path
    machine: QemuMachine
    request: int

    def start(self, workdir: Path) -> QemuSession:
        """Start a process that waits for the state, which ``restore_guest`` loads.

        Raises FileNotFoundError where the template has been removed meanwhile.
        """
        saved = Saved.open(self.folder / "memory", self.folder / "devices")
        (self.folder / "template.json").touch()
        return QemuSession(replace(self.machine, incoming=True, private=True), workdir, saved)

    def restore(self, workdir: Path) -> Guest:
        """Return a guest in the state of this template, in a process of its own."""
        return restore_guest(self.start(workdir), self.request)

    def copied(self, folder: Path) -> Template:
        """Return a copy in *folder*, whose memory may be edited until the copy is restored."""
        with (self.folder / "memory").open("rb") as memory:
            copy_memory(memory.fileno(), folder / "memory")
        for name in ("devices", "template.json"):
            (folder / name).symlink_to(self.folder / name)
        return Template(folder, self.machine, self.request)


def template_key(parts: GuestParts) -> str:
    """Return a name made from the content of all that goes into a template."""
    machine = QemuMachine(parts.shape, Path("kernel"), Path("initrd"))
    facts = (
        str(FORMAT),
        parts.kernel.content_hash,
        "\0".join(arguments(machine, _NOWHERE)),
        *(_digest(path) for path in (parts.module, parts.agent)),
        emulator(parts.shape),
        repr(parts.flushes),
    )
    return hashlib.sha256("\0\0".join(facts).encode()).hexdigest()[:32]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def emulator(shape: Shape) -> str:
    """Return what names QEMU's build: its file's place, size and time of writing.

    Running ``qemu --version`` would take 25 ms.
    """
    name = program(shape)
    path = shutil.which(name)
    if path is None:
        package = shape.architecture.emulated.package
        raise PrerequisiteError(f"{name} is not installed", hint=f"install {package}")
    real = Path(path).resolve()
    found = real.stat()
    return f"{real} {found.st_size} {found.st_mtime_ns}"


def find_template(parts: GuestParts, cache: Cache) -> Template | None:
    """Return the template of *parts*, if it has been made and is as it was made."""
    folder = cache.root / "templates" / template_key(parts)
    if not cache.sound(folder, _restored(folder)):
        return None
    said = json.loads((folder / "template.json").read_text(encoding="ascii"))
    kernel = image_for(parts.kernel, parts.shape)
    machine = QemuMachine(parts.shape, kernel, folder / "initramfs.cpio", tuple(said["modules"]))
    return Template(folder, machine, said["request"])


def _restored(folder: Path) -> tuple[Path, ...]:
    """The files that a restore depends on."""
    return tuple(folder / name for name in ("template.json", "devices", "memory"))


def make_template(parts: GuestParts, workdir: Path, cache: Cache) -> Guest | None:
    """Boot a guest and save its state; return None then.

    A guest that complains while it boots, or whose timer the kernel could not verify because the
    host was busy, is not saved: it is returned as it is.
    """
    folder = cache.root / "templates" / template_key(parts)
    guest = _booted(parts, workdir)
    try:
        guest.watch_flushes(parts.flushes)
        guest.probes(guest.info()[1].evidence & PROBES)
        guest.session.settle(Deadline.after("settle", SETTLE_SECONDS))
        if guest.session.troubles_so_far() or _timerless(workdir):
            return guest
        with cache.new_folder(folder) as fresh:
            _write(guest, fresh, workdir)
    except BaseException:
        guest.close()
        raise
    guest.close()
    evict(cache, keep=folder)
    return None


def _booted(parts: GuestParts, workdir: Path) -> Guest:
    """Boot a guest that has its timer, if the host lets one of several boots have it."""
    for _ in range(BOOTS - 1):
        guest = parts.boot(workdir)
        if not _timerless(workdir):
            return guest
        guest.close()
    return parts.boot(workdir)


def _timerless(workdir: Path) -> bool:
    """Tell whether this boot's console has the line; every restored guest would be as slow."""
    return TIMERLESS in (workdir / "console.log").read_text(encoding="utf-8", errors="replace")


def _write(guest: Guest, folder: Path, workdir: Path) -> None:
    request = guest.session.save(folder / "memory", folder / "devices")
    said = {"format": FORMAT, "request": request, "modules": guest.session.machine.modules}
    for name in ("initramfs.cpio", "console.log"):
        shutil.copyfile(workdir / name, folder / name)
    (folder / "template.json").write_text(json.dumps(said), encoding="ascii")
    seal_folder(folder, folder.iterdir())


def start(parts: GuestParts, workdir: Path, cache: Cache | None = None) -> Guest:
    """Return a guest the fastest way: restored from a template, which is made if need be."""
    if not parts.lasting:
        return parts.boot(workdir)
    cache = cache or Cache.default()
    key = template_key(parts)
    while True:
        template = find_template(parts, cache)
        if template is None:
            with cache.locked(f"template-{key}"):
                folder = cache.root / "templates" / key
                if not cache.sound_or_gone(folder, _restored(folder)) and (
                    guest := make_template(parts, workdir, cache)
                ):
                    return guest
            continue
        try:
            return template.restore(workdir)
        except FileNotFoundError:
            shutil.rmtree(template.folder, ignore_errors=True)


def obtain_template(parts: GuestParts, workdir: Path, cache: Cache | None = None) -> Template:
    """Return the template of *parts*, made where there is none.

    Raises InfrastructureError where no guest could be saved. A guest on a busy host may complain
    of its clock as it boots; the next one need not.
    """
    cache = cache or Cache.default()
    for _ in range(BOOTS):
        if template := find_template(parts, cache):
            return template
        start(parts, workdir, cache).close()
    if template := find_template(parts, cache):
        return template
    raise InfrastructureError(
        f"there is no template of {parts.kernel.boot_image}",
        hint="the kernel complains while it boots",
    )


def evict(cache: Cache, keep: Path) -> None:
    """Remove the least recently used templates until the rest fits.

    Guests that run keep their files, since they have them open.
    """
    room = int(os.environ.get(LIMIT, MOST_MIB)) << 20
    entries = sorted(_entries(cache))
    used = sum(size for _, size, _ in entries)
    for _, size, folder in entries:
        if used <= room:
            return
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)
            used -= size


def _entries(cache: Cache) -> Iterator[tuple[float, int, Path]]:
    """Last use, bytes on disk, and folder of each template."""
    for path in (cache.root / "templates").glob("*/template.json"):
        try:
            size = sum(file.stat().st_blocks * 512 for file in path.parent.iterdir())
            yield path.stat().st_mtime, size, path.parent
        except OSError:
            continue
