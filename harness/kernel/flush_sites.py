"""The places where the kernel under test drops translations: its own text has them, read once."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.architecture.flush_site import FlushKind, FlushScan, FlushSite, FunctionTable
from harness.base.cache import Cache
from harness.base.memo import Memo
from harness.kernel.kernel_record import Kernel

_RECIPE: Final = "1"
"""Changed when the same text would be read otherwise."""
_FUNCTION: Final = re.compile(r"^([0-9a-f]+) [tTwW] (\S+)$", re.MULTILINE)
_GONE: Final = (".init", ".exit", ".altinstr_aux")
"""How the names of executable sections begin that are no part of a running kernel."""
_ANCHOR: Final = "kunmap_high"
"""The function from which the module counts addresses, as every kernel with highmem exports it."""
_ALTERNATIVES: Final = ".altinstr_replacement"


def flush_sites(kernel: Kernel, cache: Cache | None = None) -> FlushScan:
    """Return every instruction of the kernel's text that drops translations.

    A kernel without its ELF image or System.map has a scan that says so: no site, and a reason
    why nothing is known.
    """
    if kernel.vmlinux is None or kernel.system_map is None:
        missing = "ELF image" if kernel.vmlinux is None else "System.map"
        return FlushScan((), (f"{kernel.release} has no {missing}",))
    memo = Memo(cache or Cache.default(), "flushes")
    key = hashlib.sha256(f"{_RECIPE}\0{kernel.content_hash}".encode()).hexdigest()[:32]
    kept = _from_value(memo.load(key))
    if kept is None:
        kept = scan(kernel, kernel.vmlinux, kernel.system_map)
        memo.save(key, _value(kept))
    return kept


def scan(kernel: Kernel, vmlinux: Path, system_map: Path) -> FlushScan:
    """Read the executable sections of an ELF image."""
    text = system_map.read_text(encoding="ascii", errors="replace")
    symbols = {name: int(at, 16) for at, name in _FUNCTION.findall(text)}
    functions = FunctionTable.of(symbols)
    if _ANCHOR not in symbols:
        return FlushScan((), (f"{system_map} has no {_ANCHOR}",))
    find = kernel.architecture.find_flushes
    try:
        sections = list(_executable(vmlinux))
    except ELFError as error:
        return FlushScan((), (f"{vmlinux}: {error}",))
    found = {name: find(code, address, functions) for name, address, code in sections}
    replacements = found.pop(_ALTERNATIVES, FlushScan((), ()))
    unsure = [f"an alternative at {site.address:#x}" for site in replacements.sites]
    unsure += [] if found else [f"{vmlinux} names no section of code"]
    unsure += [place for one in found.values() for place in one.unsure]
    sites = [site for one in found.values() for site in one.sites]
    return FlushScan(tuple(sites), tuple(unsure), symbols[_ANCHOR])


def _executable(vmlinux: Path) -> Iterator[tuple[str, int, bytes]]:
    """Return name, address and bytes of each section of code that stays."""
    with vmlinux.open("rb") as file:
        for section in ELFFile(file).iter_sections("SHT_PROGBITS"):
            if section["sh_flags"] & 4 and not section.name.startswith(_GONE):
                yield section.name, section["sh_addr"], bytes(section.data())


def _value(found: FlushScan) -> dict[str, Any]:
    sites = [{**asdict(site), "code": site.code.hex()} for site in found.sites]
    return {"sites": sites, "unsure": found.unsure, "anchor": found.anchor}


def _from_value(value: dict[str, Any] | None) -> FlushScan | None:
    """Return what was kept, if anything was and it is whole."""
    if value is None:
        return None
    try:
        sites = tuple(map(_site, value["sites"]))
        return FlushScan(sites, tuple(value["unsure"]), value["anchor"])
    except (KeyError, TypeError, ValueError):
        return None


def _site(value: dict[str, Any]) -> FlushSite:
    kind, code = FlushKind(value["kind"]), bytes.fromhex(value["code"])
    return FlushSite(**{**value, "kind": kind, "code": code})
