"""Facts that a module file states of itself, and whether a kernel would load it.

The kernel makes the same comparisons when it loads a module (kernel/module/main.c of 6.1:
``elf_validity_check``, ``check_modinfo``; kernel/module/version.c: ``check_version``). Made here,
a mismatch is reported with both values and before any boot.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.architecture.architecture import KernelImageFormat
from harness.errors import UsageError
from harness.kernel.exports import exported_crcs, symvers_crcs
from harness.kernel.kernel_record import Kernel

_VERSION_ENTRY = struct.Struct("<I60s")  # struct modversion_info, include/linux/module.h, 32 bits
_Difference = tuple[str, str, str]


class ModuleMismatchError(UsageError):
    """A module does not belong to a kernel; says which fact differs, and both values."""

    def __init__(self, ko: Path, kernel: Kernel, what: str, module: str, wanted: str) -> None:
        super().__init__(
            f"{ko} is not for the kernel {kernel.release}:"
            f" {what} is {module}, the kernel's is {wanted}",
            hint=f"build it again with: make -C {kernel.build_dir} M=$PWD modules",
        )
        self.what = what
        self.module = module
        self.wanted = wanted


class NotAModuleError(UsageError):
    """A file is no kernel module."""


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """The parts of a module file that a kernel looks at before it links it."""

    elf_class: int
    machine: str
    modinfo: Mapping[str, str]
    crcs: Mapping[str, int]
    """CRC of each symbol that it imports; empty without MODVERSIONS."""

    @property
    def vermagic(self) -> str:
        """The ``vermagic`` of its ``.modinfo``, or an empty text."""
        return self.modinfo.get("vermagic", "").strip()


def read_module(ko: Path) -> ModuleFacts:
    """Read a module file; raises :class:`NotAModuleError`."""
    try:
        with ko.open("rb") as file:
            elf = ELFFile(file)
            return ModuleFacts(
                elf_class=elf.elfclass,
                machine=elf["e_machine"],
                modinfo=dict(_modinfo(_section(elf, ".modinfo"))),
                crcs=dict(_versions(_section(elf, "__versions"))) if elf.elfclass == 32 else {},
            )
    except (OSError, ELFError) as error:
        raise NotAModuleError(f"{ko} is not a kernel module: {error}") from error


def check_module(kernel: Kernel, ko: Path) -> None:
    """Raise :class:`ModuleMismatchError` unless ``kernel`` would load the module ``ko``."""
    facts = read_module(ko)
    for what, module, wanted in (
        *_differences_of_file(facts, kernel.architecture.image),
        *_differences_of_vermagic(facts.vermagic, kernel),
        *_differences_of_crcs(facts, kernel),
    ):
        raise ModuleMismatchError(ko, kernel, what, module, wanted)


def _differences_of_file(facts: ModuleFacts, wanted: KernelImageFormat) -> Iterator[_Difference]:
    if facts.elf_class != wanted.elf_class:
        yield "the ELF class", str(facts.elf_class), str(wanted.elf_class)
    if facts.machine != wanted.elf_machine:
        yield "the machine", facts.machine, wanted.elf_machine


def _differences_of_vermagic(vermagic: str, kernel: Kernel) -> Iterator[_Difference]:
    release, *words = vermagic.split() or [""]
    if release != kernel.release:
        yield "the release in vermagic", release or "missing", kernel.release
    wanted = kernel.vermagic.split()[1:]
    # A kernel without CONFIG_MODULES has no vermagic in its image to compare with.
    if kernel.vermagic and words != wanted:
        yield "vermagic (SMP, preemption, CPU)", repr(" ".join(words)), repr(" ".join(wanted))


def _differences_of_crcs(facts: ModuleFacts, kernel: Kernel) -> Iterator[_Difference]:
    if not kernel.config.enabled("CONFIG_MODVERSIONS"):
        return
    known = _kernel_crcs(kernel)
    if not facts.crcs:
        yield "the table of symbol CRCs", "missing", "needed (CONFIG_MODVERSIONS)"
    for symbol, crc in facts.crcs.items():
        wanted = known.get(symbol)
        if wanted is None:
            yield f"the symbol {symbol}", f"imported (CRC {crc:#010x})", "not exported"
        elif wanted != crc:
            yield f"the CRC of {symbol}", f"{crc:#010x}", f"{wanted:#010x}"


def _kernel_crcs(kernel: Kernel) -> Mapping[str, int]:
    """CRCs by symbol: what the image itself holds overrides what its build folder says."""
    listed = symvers_crcs(kernel.build_dir / "Module.symvers")
    return {**listed, **(exported_crcs(kernel.vmlinux) if kernel.vmlinux else {})}


def _section(elf: ELFFile, name: str) -> bytes:
    section = elf.get_section_by_name(name)
    return bytes(section.data()) if section else b""


def _modinfo(data: bytes) -> Iterator[tuple[str, str]]:
    for entry in data.split(b"\0"):
        name, found, value = entry.decode("utf-8", "replace").partition("=")
        if found:
            yield name, value


def _versions(data: bytes) -> Iterator[tuple[str, int]]:
    whole = len(data) - len(data) % _VERSION_ENTRY.size
    for crc, name in _VERSION_ENTRY.iter_unpack(data[:whole]):
        yield name.partition(b"\0")[0].decode("ascii", "replace"), crc
