"""The packages of the guest with SSH: apt's own solver chooses, kernel/ fetches and verifies."""

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from harness.base.cache import Cache
from harness.base.host import run
from harness.base.host_programs import find_program
from harness.base.progress import Progress
from harness.errors import PrerequisiteError
from harness.guest.ssh.guest_recipe import GuestRecipe
from harness.kernel.apt import Archive
from harness.kernel.package import FetchError, Package, kept_deb

# apt-get(8), --simulate: "Inst NAME[:ARCHITECTURE] [OLD] (VERSION ORIGIN... [ARCHITECTURE])".
_INSTALL = re.compile(
    r"^Inst ([\w.+-]+)(?::\w+)? (?:\[\S+\] )?\((\S+) .*\[(\w+)\]\)", re.MULTILINE
)


class Chosen(NamedTuple):
    """One package that apt would install."""

    name: str
    version: str
    architecture: str


class ImageUnobtainableError(PrerequisiteError):
    """Not all packages of the guest could be fetched."""


def obtain(
    recipe: GuestRecipe, cache: Cache, progress: Progress, *, refresh: bool = False
) -> tuple[Path, ...]:
    """Return the verified packages of *recipe* and of all they depend on, in order of name.

    The packages of the last time are used again, without apt or network, unless *refresh* asks for
    the newest. Raises :class:`ImageUnobtainableError` or a cache error.
    """
    listed = cache.root / "ssh" / recipe.digest / "packages.json"
    debs = [] if refresh else _remembered(listed, cache)
    if debs:
        return tuple(debs)
    archive = Archive(cache, recipe.release)
    complaints = archive.update(progress, force=refresh)
    chosen = closure(archive, recipe.packages, complaints)
    known = archive.packages("|".join(re.escape(package.name) for package in chosen))
    found = [_fetch(archive, package, places(package, known), progress) for package in chosen]
    with cache.new_file(listed) as fresh:
        names = [" ".join(package) for package in chosen]
        fresh.write_text(
            json.dumps({"packages": names, "debs": [deb.name for deb in found]}, indent=1) + "\n"
        )
    return tuple(found)


def _remembered(listed: Path, cache: Cache) -> list[Path]:
    try:
        names = json.loads(listed.read_text(encoding="utf-8"))["debs"]
        debs = [cache.root / "debs" / name for name in names]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return debs if all(kept_deb(cache, deb) for deb in debs) else []


def closure(
    archive: Archive, names: Iterable[str], complaints: Sequence[str] = ()
) -> tuple[Chosen, ...]:
    """Return *names* and all that they depend on, nothing recommended.

    ``apt-get --simulate install`` finds them.
    """
    guest = archive.architecture.package_architecture
    said = _simulate(archive, [f"{name}:{guest}" for name in names])
    chosen = parse_simulation(said.stdout)
    if said.returncode or not chosen:
        reasons = [
            *complaints,
            *(line for line in said.stderr.splitlines() if line.startswith("E:")),
        ]
        raise ImageUnobtainableError(
            f"apt finds no way to install {', '.join(names)} of {archive.codename} for {guest}:"
            + "".join(f"\n  - {line}" for line in reasons),
            hint="check the network and the host's apt sources",
        )
    return chosen


def _simulate(archive: Archive, names: Sequence[str]) -> subprocess.CompletedProcess[str]:
    options = (
        "--simulate",
        "-q",
        "--no-install-recommends",
        "-o",
        "APT::Get::Show-User-Simulation-Note=false",
    )
    return run(
        [find_program("apt-get"), *options, "install", *names],
        APT_CONFIG=str(archive.root / "apt.conf"),
    )


def parse_simulation(text: str) -> tuple[Chosen, ...]:
    """The packages that a simulated installation names, in order of name."""
    return tuple(sorted({Chosen(*found) for found in _INSTALL.findall(text)}))


def places(chosen: Chosen, known: Iterable[Package]) -> tuple[Package, ...]:
    """The place of the package that apt has chosen."""
    return tuple(
        package
        for package in known
        if (package.name, package.version) == (chosen.name, chosen.version)
        and package.architecture in (chosen.architecture, "all")
    )


def _fetch(archive: Archive, chosen: Chosen, where: Sequence[Package], progress: Progress) -> Path:
    reasons: list[str] = []
    for package in where:
        try:
            return archive.fetch(package, progress)
        except FetchError as error:
            reasons.append(error.message)
    why = "; ".join(reasons) or "no verified index lists it"
    raise ImageUnobtainableError(
        f"the package {chosen.name} {chosen.version} of the guest could not be fetched: {why}",
        hint="check the network; a mirror in the middle of an update heals by itself",
    )
