"""A wheel and an sdist hold all that the commands read, and work away from the clone."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from harness import __version__
from harness.base.project import own_command
from tests.package.conftest import ROOT, Installed, built

DATA = ("kmod", "images", "tests/scenarios", "tests/mutants")


def tracked(*folders: str) -> set[str]:
    command = ["git", "ls-files", "-z", "--", *folders]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()}


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def contents(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file; the interpreter may keep its byte code."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_the_wheel_holds_the_data_of_the_top_level_folders(wheel: Path) -> None:
    wanted = {f"harness/_data/{name}" for name in tracked(*DATA) if not name.endswith(".py")}
    assert wanted
    assert wanted - names(wheel) == set()


def test_the_wheel_holds_the_package_and_nothing_of_the_tests(wheel: Path) -> None:
    held = names(wheel)
    assert tracked("harness") - held == set()
    assert [
        name for name in held if name.startswith("harness/_data/") and name[-3:] == ".py"
    ] == []
    assert {name.split("/")[0] for name in held} == {
        "harness",
        f"kmap_harness-{__version__}.dist-info",
    }


def test_an_sdist_makes_the_same_wheel(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    second = built(unpacked, "wheel", tmp_path)
    assert names(second) == names(wheel)
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(second) as again:
        stamp = "harness/_data/COMMIT"
        assert first.read(stamp) == again.read(stamp)


def test_an_installed_package_names_version_and_commit(
    installed: Installed, tmp_path: Path
) -> None:
    done = installed.run("--version", cwd=tmp_path)
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    head = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"kmap-harness {__version__} (commit {head.stdout.strip()}")
    assert done.returncode == 0


@pytest.mark.parametrize(
    "words", [("kernels",), ("broken-rules", "--list"), ("mutants", "--list")], ids=" ".join
)
def test_commands_find_their_tables_in_the_package(
    installed: Installed, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = installed.run(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.guest
def test_an_installed_package_judges_a_stock_kernel(installed: Installed, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another folder"
    elsewhere.mkdir()
    before = contents(installed.package)
    done = installed.run("run", "--steps", "200", "--json", "a result.json", cwd=elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "AGREE" in done.stdout
    assert json.loads((elsewhere / "a result.json").read_text())
    assert contents(installed.package) == before


def test_a_process_of_its_own_is_this_program_in_any_folder(
    installed: Installed, tmp_path: Path
) -> None:
    """Also where a folder of the same name lies, which Python would otherwise take first."""
    shadow = tmp_path / "harness"
    shadow.mkdir()
    (shadow / "__init__.py").write_text("raise SystemExit('another package')\n")
    python = installed.folder / "bin" / "python"
    words = [*own_command()[1:], "--version"]
    done = subprocess.run(
        [str(python), *words], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.stdout.startswith(f"kmap-harness {__version__}"), done.stderr
