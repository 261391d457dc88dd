"""One kernel, ready to boot and to build modules for."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.architecture.architecture import Architecture
from harness.architecture.i386 import I386
from harness.errors import UsageError

_COMPILER = re.compile(r"\) \((.*)\) #")
"""In a banner: after the builder, before the number of the build."""
_SETTING = re.compile(r"^(CONFIG_\w+)=(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class KernelConfig:
    """The configuration that a kernel was built with (its ``.config``)."""

    settings: Mapping[str, str]
    digest: str
    """SHA-256 of the settings in order of name; comments and dates do not count."""

    @classmethod
    def parse(cls, text: str) -> "KernelConfig":
        """Read the text of a ``.config`` file."""
        settings = {name: value.strip('"') for name, value in _SETTING.findall(text)}
        lines = "".join(f"{name}={settings[name]}\n" for name in sorted(settings))
        return cls(settings, hashlib.sha256(lines.encode()).hexdigest())

    @classmethod
    def read(cls, path: Path) -> "KernelConfig":
        """Read a ``.config`` file; raises :class:`UsageError` when there is none."""
        try:
            return cls.parse(path.read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            raise UsageError(
                f"no kernel configuration: {error}", hint="build the kernel first"
            ) from error

    def enabled(self, name: str) -> bool:
        """Tell whether ``name`` (with ``CONFIG_``) is built in or a module."""
        return self.settings.get(name) in ("y", "m")

    @property
    def built_in(self) -> tuple[str, ...]:
        """The symbols that are set to y, in order of name."""
        return tuple(sorted(name for name, value in self.settings.items() if value == "y"))

    def get(self, name: str, default: str = "") -> str:
        """The value of ``name`` without quotes, or ``default`` where it is not set."""
        return self.settings.get(name, default)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel image with what belongs to it; every path exists."""

    name: str
    """Of the catalogue, or the release of a user's own kernel."""
    release: str
    """As ``uname -r`` prints it."""
    version: tuple[int, ...]
    """The upstream version, as (6, 1, 176)."""
    flavour: str
    bzimage: Path | None
    """The compressed image; None where only a vmlinux was given."""
    vmlinux: Path | None
    """The ELF image; None where it could not be taken out of the bzImage."""
    pvh: bool
    """True if the vmlinux has the note by which QEMU boots it directly."""
    banner: str
    """``linux_banner``: release, builder, compiler, build."""
    vermagic: str
    """The text that the kernel compares with a module's ``vermagic``."""
    build_dir: Path
    """The folder that ``make -C`` gets to build a module."""
    modules_dir: Path | None
    """``lib/modules/<release>``."""
    system_map: Path | None
    """A complete System.map, where one was to be had."""
    config: KernelConfig
    content_hash: str
    """Names the image, the build folder and the modules by their contents."""
    source: str
    """The origin of the kernel, for people."""
    architecture: Architecture = I386

    @property
    def pae(self) -> bool:
        """Tell whether its page-table entries have 64 bits."""
        return self.config.enabled(self.architecture.paging.wide_entries_option)

    @property
    def uses_high_frames(self) -> bool:
        """Tell whether the kernel uses memory above 4 GiB."""
        return self.config.enabled(self.architecture.paging.high_frames_option)

    @property
    def splits_as_usual(self) -> bool:
        """Tell whether the kernel splits the address space as kernels do by default."""
        return self.config.enabled(self.architecture.paging.usual_split_option)

    @property
    def compiler(self) -> str:
        """The compiler that the banner names; empty where it names none."""
        found = _COMPILER.search(self.banner)
        return found[1] if found else ""

    @property
    def isolates(self) -> bool:
        """Tell whether user processes can have page tables of their own."""
        return any(map(self.config.enabled, self.architecture.paging.isolation_options))

    @property
    def config_hash(self) -> str:
        """Names the configuration by its content."""
        return self.config.digest

    @property
    def boot_image(self) -> Path:
        """The file for QEMU's ``-kernel``: the ELF image where PVH works, else the bzImage."""
        image = self.vmlinux if self.pvh or self.bzimage is None else self.bzimage
        assert image is not None, "a kernel record has at least one image"
        return image
