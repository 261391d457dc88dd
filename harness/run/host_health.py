"""The state of this host: programs, accelerators that boot a guest, disk, cache."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.base import project
from harness.base.cache import Cache
from harness.base.cache_entries import entries, limit_bytes
from harness.base.host import run
from harness.base.progress import Progress
from harness.errors import HarnessError
from harness.guest.accelerate import DEVICE
from harness.guest.shape import Accelerator, Shape
from harness.kernel.catalogue import known
from harness.kernel.stock import cached
from harness.run.prepare import prepare

_KERNELS = ("gcc", "flex", "bison", "bc", "xz")
_MUTANTS = {"spatch": "coccinelle", "patch": "patch"}
_PACKAGES = {"xz": "xz-utils", "apt-get": "apt", "dpkg-deb": "dpkg", "setpriv": "util-linux"}


@dataclass(frozen=True, slots=True)
class HostProgram:
    """A program, the package that brings it, what needs it, and its version if it is there."""

    name: str
    package: str
    needed_for: str
    version: str

    @property
    def required(self) -> bool:
        """Tell whether the harness cannot judge a stock kernel without it."""
        return self.needed_for == "every run"


@dataclass(frozen=True, slots=True)
class AcceleratorTrial:
    """Tell whether a guest was booted with an accelerator, and what was seen."""

    name: str
    works: bool | None
    """None where it was not tried."""
    why: str


@dataclass(frozen=True, slots=True)
class Health:
    """All that ``doctor`` says."""

    version: str
    programs: tuple[HostProgram, ...]
    accelerators: tuple[AcceleratorTrial, ...]
    cache: Path
    cache_bytes: int
    limit_bytes: int
    free_bytes: int

    @property
    def missing(self) -> tuple[HostProgram, ...]:
        """The programs that are not installed."""
        return tuple(one for one in self.programs if not one.version)

    @property
    def fit(self) -> bool:
        """Tell whether the harness can judge a stock kernel here."""
        tried = {one.name: one.works for one in self.accelerators}
        lacking = any(one.required for one in self.missing)
        return not lacking and tried.get(Accelerator.TCG.value) is not False


def examine(cache: Cache, progress: Progress) -> Health:
    """Look at this host; a guest is booted with each accelerator if a kernel is in the cache."""
    progress.step("looking for programs")
    programs = tuple(_programs())
    lacking = [one.name for one in programs if one.required and not one.version]
    return Health(
        project.version_text(),
        programs,
        tuple(_trials(cache, progress, lacking)),
        cache.root,
        sum(one.size for one in entries(cache)),
        limit_bytes(),
        shutil.disk_usage(cache.folder()).free,
    )


def _programs() -> Iterator[HostProgram]:
    machine = Shape().architecture
    usual = {
        machine.emulated.program: machine.emulated.package,
        machine.compiler.gcc: machine.compiler.package,
        **{name: _PACKAGES.get(name, name) for name in ("make", "apt-get", "dpkg-deb", "setpriv")},
    }
    for name, package in usual.items():
        yield HostProgram(name, package, "every run", _version(name))
    yield HostProgram("git", "git", "patches", _version("git"))
    for name in _KERNELS:
        package = _PACKAGES.get(name, name)
        yield HostProgram(name, package, "kernels from source", _version(name))
    for name, package in _MUTANTS.items():
        yield HostProgram(name, package, "mutants", _version(name))


def _version(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        return ""
    said = run([path, "--version"]).stdout.strip().splitlines()
    return said[0] if said else path


def _trials(cache: Cache, progress: Progress, lacking: list[str]) -> Iterator[AcceleratorTrial]:
    kernel = next((one.name for one in known() if cached(one, cache)), "")
    for accelerator in Accelerator:
        name = accelerator.value
        if accelerator is Accelerator.KVM and not DEVICE.exists():
            yield AcceleratorTrial(name, False, f"there is no {DEVICE}")
        elif lacking:
            yield AcceleratorTrial(name, None, f"not tried without {', '.join(lacking)}")
        elif not kernel:
            why = "not tried: no kernel is in the cache; `kmap-harness run` fetches one"
            yield AcceleratorTrial(name, None, why)
        else:
            progress.step(f"booting {kernel} with {name}")
            yield _trial(kernel, accelerator, progress)


def _trial(kernel: str, accelerator: Accelerator, progress: Progress) -> AcceleratorTrial:
    shape = replace(Shape(smp=1), accelerator=accelerator)
    try:
        with TemporaryDirectory() as folder:
            with prepare(kernel, None, progress).parts(shape).boot(Path(folder)) as guest:
                guest.info()
            return AcceleratorTrial(accelerator.value, True, f"{kernel} booted")
    except HarnessError as error:
        return AcceleratorTrial(accelerator.value, False, error.message)
