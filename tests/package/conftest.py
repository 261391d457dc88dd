"""The wheel and the sdist of this clone, and the wheel installed far away from it."""

import shutil
import site
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installed:
    """A virtual environment that has the wheel; nothing in it leads to the clone."""

    folder: Path

    @property
    def command(self) -> Path:
        return self.folder / "bin" / "kmap-harness"

    @property
    def package(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages/harness")
        return found

    def run(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.command), *words], cwd=cwd, capture_output=True, text=True, check=False
        )


def built(source: Path, target: str, out: Path) -> Path:
    """The file that hatchling makes from *source*, without an index of packages."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    shutil.unpack_archive(sdist, folder)
    (top,) = folder.iterdir()
    return top


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Offline: the libraries that the harness needs are those of the environment of the tests."""
    folder = tmp_path_factory.mktemp("far away") / "an environment"
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text("\n".join(site.getsitepackages()))
    options = ("--no-index", "--no-deps", "--disable-pip-version-check", "--quiet")
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", *options, str(wheel)], check=True)
    return Installed(folder)
