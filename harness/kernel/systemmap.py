"""The complete System.map of a stock kernel, from the beginning of its debug package.

The System.map in /boot of Debian's images is a stub that points to the ``-dbg`` package. That has
700 MB, but the map is the first file of its data archive, so that the first MiB is enough. A part
of a package cannot be checked against the package's hash: the map is accepted only if the image
holds the kernel's banner at the address of ``linux_banner``.
"""

import io
import lzma
import re
import tarfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from elftools.elf.elffile import ELFFile

from harness.kernel.apt import Archive
from harness.kernel.package import Package

_LIMIT = 3 << 20
_AR_HEADER = 60


def fetch(
    archive: Archive, packages: Iterable[Package], vmlinux: Path, release: str
) -> tuple[bytes, str]:
    """The System.map, or b"" and the reason why there is none.

    Its absence is no error: a kernel without it is judged with less evidence.
    """
    reason = "the index lists no debug package"
    for package in packages:
        try:
            text = _from_package(_read_beginning(archive, package.uri), release)
        except (
            OSError,
            ValueError,
            lzma.LZMAError,
            tarfile.TarError,
            urllib.error.URLError,
        ) as error:
            reason = f"{package}: {error}"
            continue
        if belongs(text, vmlinux, release):
            return text, ""
        reason = f"{package}: its System.map does not belong to the image"
    return b"", reason


def belongs(text: bytes, vmlinux: Path, release: str) -> bool:
    """Tell whether the image has its banner where this System.map says."""
    found = re.search(rb"^([0-9a-f]+) \w linux_banner$", text, re.MULTILINE)
    if found is None:
        return False
    expected = f"Linux version {release} ".encode()
    return read_virtual(vmlinux, int(found.group(1), 16), len(expected)) == expected


def read_virtual(vmlinux: Path, address: int, length: int) -> bytes:
    """Bytes of an ELF image at a virtual address; fewer, or none, where it holds none."""
    with vmlinux.open("rb") as file:
        for segment in ELFFile(file).iter_segments("PT_LOAD"):
            offset = address - segment["p_vaddr"]
            if 0 <= offset < segment["p_filesz"]:
                file.seek(segment["p_offset"] + offset)
                return bytes(file.read(min(length, segment["p_filesz"] - offset)))
    return b""


def _read_beginning(archive: Archive, uri: str) -> bytes:
    scheme = urllib.parse.urlsplit(uri).scheme
    if scheme not in ("http", "https", "file"):
        raise ValueError(f"a part of a package cannot be read by the method {scheme}")
    proxy = archive.setting(f"Acquire::{scheme}::Proxy")
    handlers = (
        []
        if not proxy
        else [urllib.request.ProxyHandler({} if proxy == "DIRECT" else {scheme: proxy})]
    )
    request = urllib.request.Request(uri, headers={"Range": f"bytes=0-{_LIMIT - 1}"})
    with urllib.request.build_opener(*handlers).open(request, timeout=30) as answer:
        return bytes(answer.read(_LIMIT))


def _from_package(deb: bytes, release: str) -> bytes:
    data = lzma.LZMADecompressor().decompress(_data_member(deb))
    wanted = f"System.map-{release}"
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|") as archive:
        for member in archive:
            if member.isfile():
                if Path(member.name).name != wanted:
                    break
                file = archive.extractfile(member)
                text = file.read() if file else b""
                return text if len(text) == member.size else b""
    raise ValueError(f"{wanted} is not the first file in it")


def _data_member(deb: bytes) -> bytes:
    if not deb.startswith(b"!<arch>\n"):
        raise ValueError("not a Debian package")
    at = 8
    while at + _AR_HEADER <= len(deb):
        name = deb[at : at + 16].rstrip(b" /")
        size = int(deb[at + 48 : at + 58])
        at += _AR_HEADER
        if name == b"data.tar.xz":
            return deb[at : at + size]
        at += size + size % 2
    raise ValueError("no data.tar.xz in its beginning")
