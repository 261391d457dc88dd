"""The recipe of the fuller guest: the data in ``images/ssh``."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from harness.base.toml_file import entries_of, read_toml
from harness.guest.cpio import ArchiveMember, directory, regular

FILE = "packages.toml"
SCRIPT = "rc"
SCRIPT_PATH = "etc/kmh/rc"
"""The path of the script that the agent runs once at boot if its command line has ``kmh.ssh=1``.
"""


@dataclass(frozen=True, slots=True)
class GuestRecipe:
    """The contents of one initramfs.

    It names the Debian release, packages, patterns of paths to leave out, kernel modules, and the
    folder of our own files.
    """

    folder: Path
    release: str
    packages: tuple[str, ...]
    leave_out: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """A name made from everything that decides which packages' files are in the initramfs."""
        fields = (self.release, *sorted(self.packages), "", *sorted(self.leave_out))
        return hashlib.sha256("\n".join(fields).encode()).hexdigest()[:16]

    def own_files(self) -> tuple[ArchiveMember, ...]:
        """The script and everything below ``etc`` of the recipe, as they lie in the guest."""
        etc = sorted(path for path in (self.folder / "etc").rglob("*") if path.is_file())
        return (
            regular(SCRIPT_PATH, (self.folder / SCRIPT).read_bytes(), 0o755),
            *(regular(str(path.relative_to(self.folder)), path.read_bytes()) for path in etc),
            *(directory(name) for name in ("dev", "proc", "sys", "run", "tmp", "sbin")),
        )


def read_guest_recipe(folder: Path) -> GuestRecipe:
    """Return the recipe in *folder*; raises UsageError with the file's name where it cannot be
    read.
    """
    path = folder / FILE
    data = read_toml(path)
    with entries_of(path):
        lists = (tuple(map(str, data[key])) for key in ("packages", "leave_out", "modules"))
        return GuestRecipe(folder, str(data["release"]), *lists)
