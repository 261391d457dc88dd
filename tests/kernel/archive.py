"""A small Debian archive on disk, with kernels that have everything but code."""

import hashlib
import io
import lzma
import struct
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

HOST = subprocess.run(
    ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
).stdout.strip()


def elf_image(release: str, *, pvh: bool = True, machine: int = 3) -> bytes:
    """An i386 ELF image with a banner, a vermagic and (``pvh``) the note of a PVH kernel."""
    text = (
        f"Linux version {release} (someone@somewhere) (gcc 12) #1 SMP\0"
        f"\0{release} SMP preempt mod_unload modversions 686 \0"
    ).encode()
    note = struct.pack("<III4sI", 4, 4, 18 if pvh else 6, b"Xen\0", 0x01000000)
    start = 52 + 2 * 32
    load = struct.pack("<8I", 1, start, 0xC1000000, 0x01000000, len(text), len(text), 5, 4)
    notes = struct.pack("<8I", 4, start + len(text), 0, 0, len(note), len(note), 4, 4)
    head = b"\x7fELF\x01\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, 0x01000000, 52, 0, 0, 52, 32, 2, 40, 0, 0
    )
    return head + load + notes + text + note


def bzimage(elf: bytes, release: str) -> bytes:
    """A bzImage: boot sector and set-up (two sectors), then the payload and its size."""
    payload = lzma.compress(elf, check=lzma.CHECK_CRC32) + struct.pack("<I", len(elf))
    image = bytearray(1024)
    image[0x1F1] = 1
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x20E, 0x100)
    struct.pack_into("<II", image, 0x248, 16, len(payload))
    text = f"{release} (someone@somewhere) #1 SMP\0".encode()
    image[0x300 : 0x300 + len(text)] = text
    return bytes(image) + bytes(16) + payload


@dataclass
class Suite:
    """One suite of the archive, and what its index lists."""

    name: str
    packages: dict[str, list[str]] = field(default_factory=lambda: {"i386": [], HOST: []})


class FakeArchive:
    """Packages, indexes and releases below ``root``, and a host that uses them."""

    def __init__(self, root: Path, host: Path) -> None:
        self.root, self.host = root, host
        self.suites: dict[str, Suite] = {}
        self.debs: dict[str, Path] = {}
        (host / "parts").mkdir(parents=True)
        self.config = host / "apt.conf"
        self.config.write_text(
            f'Dir::Etc::sourcelist "{host}/sources.list";\nDir::Etc::sourceparts "{host}/parts";\n'
        )
        self.sources("bookworm", "bookworm-security")

    def sources(self, *suites: str, options: str = "[trusted=yes]") -> None:
        """Let the host name these suites."""
        lines = [f"deb {options} file:{self.root} {suite} main\n" for suite in suites]
        (self.host / "sources.list").write_text("".join(lines))

    def kernel(
        self, suite: str, abi: str, version: str, *, series: str = "6.1", pvh: bool = True
    ) -> str:
        """Publish the packages of one 686-pae kernel; returns its release."""
        release = f"{series}.0-{abi}-686-pae"
        common, kbuild = f"linux-headers-{series}.0-{abi}-common", f"linux-kbuild-{series}"
        headers = f"usr/src/linux-headers-{release}"
        image = bzimage(elf_image(release, pvh=pvh), release)
        self._add(
            suite, f"linux-image-{release}", version, "i386", {f"boot/vmlinuz-{release}": image}
        )
        self._add(
            suite,
            f"linux-headers-{release}",
            version,
            "i386",
            {
                f"{headers}/Makefile": f"include /usr/src/{common}/Makefile\n".encode(),
                f"{headers}/.config": b'CONFIG_SMP=y\nCONFIG_LOCALVERSION=""\n',
            },
        )
        self._add(
            suite,
            common,
            version,
            "all",
            {f"usr/src/{common}/Makefile": b"all:\n\t@echo it works\n"},
        )
        self._add(suite, kbuild, version, HOST, {f"usr/lib/{kbuild}/scripts/x": b""})
        return release

    def deb(self, name: str) -> Path:
        """The package file of that name, newest last published."""
        return self.debs[name]

    def publish(self) -> None:
        """Write the indexes and releases of every suite."""
        for suite in self.suites.values():
            base = self.root / "dists" / suite.name
            sums = []
            for architecture, stanzas in suite.packages.items():
                index = base / f"main/binary-{architecture}/Packages"
                index.parent.mkdir(parents=True, exist_ok=True)
                index.write_text("\n".join(stanzas))
                data = index.read_bytes()
                sums.append(
                    f" {hashlib.sha256(data).hexdigest()} {len(data)} {index.relative_to(base)}\n"
                )
            (base / "Release").write_text(
                f"Origin: Debian\nLabel: Debian\nSuite: {suite.name}\nCodename: {suite.name}\n"
                f"Architectures: {HOST} i386\nComponents: main\n"
                "Date: Thu, 01 Jan 2026 00:00:00 UTC\n"
                f"SHA256:\n{''.join(sums)}"
            )

    def _add(
        self, suite: str, name: str, version: str, architecture: str, files: dict[str, bytes]
    ) -> None:
        deb = self._build(name, version, architecture, files)
        data = deb.read_bytes()
        stanza = (
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
            "Installed-Size: 8\n"
            f"Filename: {deb.relative_to(self.root)}\nSize: {len(data)}\n"
            f"SHA256: {hashlib.sha256(data).hexdigest()}\n"
        )
        target = self.suites.setdefault(suite, Suite(suite))
        for listed in ("i386", HOST) if architecture == "all" else (architecture,):
            target.packages[listed].append(stanza)
        self.debs[name] = deb

    def _build(self, name: str, version: str, architecture: str, files: dict[str, bytes]) -> Path:
        tree = self.root / "work" / f"{name}_{version}"
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n"
            "Maintainer: Nobody <nobody@example.org>\nDescription: nothing\n"
        )
        deb = self.root / "pool" / f"{name}_{version}_{architecture}.deb"
        deb.parent.mkdir(exist_ok=True)
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "-b", str(tree), str(deb)]
        subprocess.run(command, check=True, capture_output=True)
        return deb

    def source(
        self, suite: str, version: str, files: dict[str, bytes], *, series: str = "9.9"
    ) -> None:
        """Publish the source package of a series: these files below a folder, in an xz archive."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:xz") as tree:
            for path, content in files.items():
                entry = tarfile.TarInfo(f"linux-source-{series}/{path}")
                entry.size = len(content)
                tree.addfile(entry, io.BytesIO(content))
        name = f"linux-source-{series}"
        self._add(suite, name, version, "all", {f"usr/src/{name}.tar.xz": packed.getvalue()})
