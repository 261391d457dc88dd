"""Which packages make a stock kernel: sets of one version, the newest first."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from debian.debian_support import Version

from harness.kernel.catalogue import StockKernel
from harness.kernel.package import Package


@dataclass(frozen=True, slots=True)
class PackageSet:
    """The packages of one kernel; each has one or more places to be fetched from."""

    release: str
    image: tuple[Package, ...]
    headers: tuple[Package, ...]
    common: tuple[Package, ...]
    kbuild: tuple[Package, ...]
    """For the host's architecture: of the image's version first, then others of the series."""
    debug: tuple[Package, ...]

    def __str__(self) -> str:
        """Release and version, as in messages."""
        return f"{self.release} ({self.image[0].version}, {self.image[0].suite})"


def package_pattern(stock: StockKernel) -> str:
    """Regular expression of the names of every package that may be part of this kernel."""
    series, flavour = re.escape(stock.series), re.escape(stock.flavour)
    abi = rf"{series}\.0-[\w.]+"
    return (
        rf"linux-image-{abi}-{flavour}(?:-unsigned|-dbg)?"
        rf"|linux-headers-{abi}-{flavour}"
        rf"|linux-headers-{abi}-common(?:-rt)?"
        rf"|linux-kbuild-{series}"
    )


def candidates(
    stock: StockKernel, packages: Iterable[Package], host: str
) -> tuple[tuple[PackageSet, ...], tuple[str, ...]]:
    """The complete sets, the best first, and a line for each image whose set is not complete.

    Signed images stand before unsigned ones; within each the newer version first.
    """
    index = _Index(tuple(packages), stock, host)
    complete: list[PackageSet] = []
    incomplete: list[str] = []
    for image in index.images():
        found = index.complete(image)
        if isinstance(found, PackageSet):
            complete.append(found)
        else:
            incomplete.append(found)
    return tuple(complete), tuple(incomplete)


@dataclass(frozen=True, slots=True)
class _Index:
    packages: Sequence[Package]
    stock: StockKernel
    host: str

    def images(self) -> list[Package]:
        found = [p for p in self.packages if self._is_image(p.name)]
        unique = {(p.name, p.version): p for p in found}
        ordered = sorted(unique.values(), key=lambda p: Version(p.version), reverse=True)
        return sorted(ordered, key=lambda p: p.name.endswith("-unsigned"))

    def _is_image(self, name: str) -> bool:
        abi = rf"linux-image-{re.escape(self.stock.series)}\.0-[\w.]+"
        return (
            re.fullmatch(rf"{abi}-{re.escape(self.stock.flavour)}(-unsigned)?", name) is not None
        )

    def complete(self, image: Package) -> PackageSet | str:
        release = image.name.removeprefix("linux-image-").removesuffix("-unsigned")
        abi = release.removesuffix(f"-{self.stock.flavour}")
        common = f"linux-headers-{abi}-common{'-rt' if self.stock.realtime else ''}"
        parts = {
            name: self._named(name, image.version)
            for name in (f"linux-headers-{release}", common, f"linux-image-{release}-dbg")
        }
        headers, shared, debug = parts.values()
        kbuild = self._kbuild(image.version)
        missing = [name for name, found in list(parts.items())[:2] if not found]
        missing += [] if kbuild else [f"linux-kbuild-{self.stock.series} for {self.host}"]
        if missing:
            return f"{image}: the index lacks {', '.join(missing)} of that version"
        images = self._named(image.name, image.version)
        return PackageSet(release, images, headers, shared, kbuild, debug)

    def _named(self, name: str, version: str) -> tuple[Package, ...]:
        return tuple(
            p
            for p in self.packages
            if p.name == name
            and p.version == version
            and p.architecture in (self.stock.architecture.package_architecture, "all")
        )

    def _kbuild(self, version: str) -> tuple[Package, ...]:
        name = f"linux-kbuild-{self.stock.series}"
        found = [p for p in self.packages if p.name == name and p.architecture == self.host]
        found.sort(key=lambda p: Version(p.version), reverse=True)
        return tuple(sorted(found, key=lambda p: p.version != version))
