"""Stock kernels by name: from the cache, or from Debian's archive into the cache."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from harness.base.cache import Cache
from harness.base.cache_entries import keep_limit
from harness.base.host import host_architecture
from harness.base.progress import Progress, Quiet
from harness.base.seal import seal_folder
from harness.errors import InfrastructureError, PrerequisiteError
from harness.kernel import record_file, resolve, systemmap
from harness.kernel.apt import Archive
from harness.kernel.catalogue import StockKernel, lookup
from harness.kernel.image import read_facts
from harness.kernel.kernel_record import Kernel, KernelConfig
from harness.kernel.package import FetchError
from harness.kernel.unpack import relocate_headers, unpack, write_vmlinux

_RECIPE = "2"
"""Changed when a product made from the same packages would look different."""
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class KernelUnobtainableError(PrerequisiteError):
    """No complete set of packages of a stock kernel could be fetched."""

    def __init__(self, name: str, tried: Sequence[str]) -> None:
        lines = "".join(f"\n  - {line}" for line in tried) or "\n  - nothing was found"
        super().__init__(
            f"the kernel {name} could not be obtained; tried:{lines}",
            hint="check the network and the apt sources; try again later if a mirror is updated",
        )
        self.tried = tuple(tried)


class KernelDamagedError(InfrastructureError):
    """A kernel in the cache was damaged, and has been removed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the kernel {name} in the cache was damaged", hint="run again")


def obtain(
    name: str,
    cache: Cache | None = None,
    progress: Progress | None = None,
    *,
    refresh: bool = False,
) -> Kernel:
    """Return the stock kernel ``name``, fetched, verified and unpacked if it is not in the cache.

    With the kernel in the cache neither apt nor the network is touched, unless ``refresh`` asks
    for the newest ABI. Raises :class:`UnknownKernelError`, :class:`KernelUnobtainableError`
    (naming all that was tried) or a :class:`CacheError`; the cache is never left with half a
    kernel.
    """
    stock = lookup(name)
    cache, progress = cache or Cache.default(), progress or Quiet()
    if not refresh and (kernel := cached(stock, cache)):
        return kernel
    with cache.locked(f"kernel-{name}"):
        if not refresh and (kernel := cached(stock, cache)):
            return kernel
        return _obtain_from_archive(stock, cache, progress, refresh=refresh)


def cached(stock: StockKernel, cache: Cache) -> Kernel | None:
    """The kernel as an earlier :func:`obtain` left it in the cache, or None."""
    home = cache.root / "kernels" / stock.name
    try:
        current = json.loads((home / "current.json").read_text(encoding="utf-8"))
        return record_file.sound_record(cache, home / current["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def passed_over(stock: StockKernel, cache: Cache) -> tuple[str, ...]:
    """Why newer packages than those in the cache were not taken, when they were fetched."""
    try:
        text = (cache.root / "kernels" / stock.name / "current.json").read_text(encoding="utf-8")
        return tuple(map(str, json.loads(text).get("passed_over", ())))
    except (OSError, ValueError, AttributeError, TypeError):
        return ()


def _obtain_from_archive(
    stock: StockKernel, cache: Cache, progress: Progress, *, refresh: bool
) -> Kernel:
    tried: list[str] = []
    passed: list[str] = []
    for codename in stock.codenames:
        archive = Archive(cache, codename, stock.architecture)
        tried += archive.update(progress, force=refresh)
        packages = archive.packages(resolve.package_pattern(stock))
        sets, incomplete = resolve.candidates(stock, packages, host_architecture())
        tried += incomplete
        tried += [] if sets else [f"{codename}: no index lists a complete set"]
        for packed in sets:
            try:
                parts = _fetch_all(archive, packed, progress)
            except FetchError as error:
                tried.append(error.message)
                passed.append(error.message)
                continue
            _tell_why_older(packed.release, passed, progress)
            return _make(stock, archive, packed, parts, progress, passed=passed)
    raise KernelUnobtainableError(stock.name, tried)


def _tell_why_older(release: str, passed: Sequence[str], progress: Progress) -> None:
    """Say which newer packages could not be fetched, if any, and why."""
    for reason in passed:
        progress.note(f"passed over: {reason}")
    if passed:
        again = "`kernels build --refresh` tries the newer ones again"
        progress.note(f"{release} is the newest of which all could be fetched; {again}")


def _fetch_all(archive: Archive, packed: resolve.PackageSet, progress: Progress) -> list[Path]:
    groups = (packed.image, packed.headers, packed.common, packed.kbuild)
    return [archive.fetch_first(group, progress) for group in groups]


def _make(
    stock: StockKernel,
    archive: Archive,
    packed: resolve.PackageSet,
    debs: list[Path],
    progress: Progress,
    *,
    passed: Sequence[str],
) -> Kernel:
    cache = archive.cache
    home = cache.folder("kernels", stock.name)
    content = hashlib.sha256(
        "\n".join([_RECIPE, *(deb.stem for deb in debs)]).encode()
    ).hexdigest()
    final = home / content[:16]
    kernel = record_file.sound_record_or_gone(cache, final)
    if kernel is None:
        cache.require_space(
            sum(p[0].installed_size << 10 for p in (packed.image, packed.headers, packed.common))
        )
        with cache.new_folder(final) as fresh:
            progress.step(f"unpacking {packed.release}")
            record_file.write_record(fresh, _fill(stock, packed, debs, fresh, content))
            _add_system_map(archive, packed, fresh, progress)
            record_file.seal_record(fresh)
            root = fresh / "root"
            seal_folder(root, [path for path in root.rglob("*") if _is_plain(path)])
        kernel = record_file.read_record(final)
        keep_limit(cache)
    assert kernel is not None, "a product folder was published without its description"
    with cache.new_file(home / "current.json") as pointer:
        current = {"folder": final.name, "packages": _describe(packed), "passed_over": passed}
        pointer.write_text(json.dumps(current, indent=1) + "\n")
    return kernel


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def require_headers(kernel: Kernel, cache: Cache) -> None:
    """Raise :class:`KernelDamagedError` unless a stock kernel's headers are as they were unpacked.

    A damaged kernel is removed: obtain it again.
    """
    home = cache.root / "kernels"
    if not kernel.build_dir.is_relative_to(home):
        return
    folder = home.joinpath(*kernel.build_dir.relative_to(home).parts[:2])
    with cache.locked(f"kernel-{kernel.name}"):
        if not cache.sound(folder / "root"):
            cache.discard(folder, "its headers are not those of the packages")
            raise KernelDamagedError(kernel.name)


def _describe(packed: resolve.PackageSet) -> list[str]:
    return [
        str(group[0]) for group in (packed.image, packed.headers, packed.common, packed.kbuild)
    ]


def _fill(
    stock: StockKernel, packed: resolve.PackageSet, debs: list[Path], folder: Path, content: str
) -> Kernel:
    root, release = folder / "root", packed.release
    unpack(debs, root)
    build_dir = relocate_headers(root, release)
    bzimage, vmlinux = root / "boot" / f"vmlinuz-{release}", folder / "vmlinux"
    write_vmlinux(bzimage, release, vmlinux, stock.architecture)
    facts = read_facts(vmlinux, stock.architecture)
    modules = root / "lib/modules" / release
    return Kernel(
        name=stock.name,
        release=release,
        version=upstream_version(packed.image[0].version),
        flavour=stock.flavour,
        bzimage=bzimage,
        vmlinux=vmlinux,
        pvh=facts.pvh,
        banner=facts.banner,
        vermagic=facts.vermagic,
        build_dir=build_dir,
        modules_dir=modules if modules.is_dir() else None,
        system_map=None,
        config=KernelConfig.read(build_dir / ".config"),
        content_hash=content,
        source=f"Debian: {packed.image[0]}",
        architecture=stock.architecture,
    )


def _add_system_map(
    archive: Archive, packed: resolve.PackageSet, folder: Path, progress: Progress
) -> None:
    progress.step(f"System.map of {packed.release}")
    kernel = record_file.read_record(folder)
    assert kernel is not None, "the folder was just described"
    assert kernel.vmlinux is not None, "every stock kernel has its ELF image"
    text, reason = systemmap.fetch(archive, packed.debug, kernel.vmlinux, packed.release)
    if not text:
        progress.step(f"no System.map of {packed.release}: {reason}")
        return
    path = folder / "System.map"
    path.write_bytes(text)
    record_file.write_record(folder, dataclasses.replace(kernel, system_map=path))


def upstream_version(text: str) -> tuple[int, ...]:
    """(6, 1, 176) of ``6.1.176-1``; raises ValueError when it does not start so."""
    found = _VERSION.match(text)
    if found is None:
        raise ValueError(f"not a kernel version: {text}")
    return tuple(int(part) for part in found.groups())
