"""What the fuller guest is made from: the data in ``images/ssh``."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.guest.cpio import ArchiveMember, directory, regular

FILE = "packages.toml"
SCRIPT = "rc"
SCRIPT_PATH = "etc/kmh/rc"
"""Where the agent looks for the script that it runs once at boot when told ``kmh.ssh=1``."""


@dataclass(frozen=True, slots=True)
class GuestRecipe:
    """One image: Debian release, packages, patterns of paths to leave out, kernel modules, own files."""

    folder: Path
    release: str
    packages: tuple[str, ...]
    leave_out: tuple[str, ...]
    modules: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Names what the packages part of the image is made from."""
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
    """The recipe in *folder*.  Raises UsageError, with the file's name, where it cannot be read as one."""
    path = folder / FILE
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        lists = (tuple(map(str, data[key])) for key in ("packages", "leave_out", "modules"))
        return GuestRecipe(folder, str(data["release"]), *lists)
    except OSError as error:
        raise UsageError(
            f"no recipe of the guest: {error}", hint="images/ssh of the sources has it"
        ) from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: {error!r}", hint="compare it with the one in the repository"
        ) from error
