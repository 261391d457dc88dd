"""Two commands at once never share an output folder: one booted the other's initramfs."""

import os
import subprocess
import sys

import pytest

from harness.base import held_folders
from harness.base.held_folders import (
    FolderInUseError,
    hold,
    is_held,
    let_go,
    output_folder,
)

HOLDER = """
import sys
from pathlib import Path
from harness.base.held_folders import output_folder
print(output_folder(Path(sys.argv[1]) if sys.argv[1:] else None, "run", "k"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    let_go(tmp_path)


@pytest.fixture
def holder(place):
    """Starts processes that have an output folder until they are ended."""
    started = []

    def start(*words):
        command = [sys.executable, "-c", HOLDER, *map(str, words)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(command, cwd=place, text=True, **pipes)
        started.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_each_has_a_new_folder_and_latest_is_the_newest(place, holder, monkeypatch):
    monkeypatch.setattr(held_folders, "_now", lambda: "19990101-000000")
    folders = [output_folder(None, "run", "6.1/x y") for _ in range(3)]
    names = [folder.name for folder in folders]
    first = "run-19990101-000000-6.1-x-y"
    assert names == [first, f"{first}.2", f"{first}.3"]
    assert (place / "out/latest").readlink().name == names[-1]
    _, other = holder()
    assert (place / "out/latest").resolve() == (place / other).resolve()


def test_a_named_folder_is_refused_until_its_command_has_ended(place, holder):
    process, _ = holder("mine")
    with pytest.raises(FolderInUseError, match="mine is the output folder of a command"):
        output_folder(place / "mine", "run")
    assert is_held(place / "mine")
    process.kill()
    process.wait()
    assert not is_held(place / "mine")
    assert output_folder(place / "mine", "run") == place / "mine"
    assert not list((place / "mine").iterdir())


def test_the_command_says_so(place, holder):
    holder("mine")
    command = [sys.executable, "-m", "harness", "broken-rules", "--out", "mine"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "hint: wait for it, or give --out another folder" in done.stderr


def test_a_folder_that_was_replaced_is_held_anew(place):
    (place / "a").mkdir()
    assert hold(place / "a")
    assert is_held(place / "a")
    (place / "a").rmdir()
    (place / "a").mkdir()
    assert not is_held(place / "a")
    assert hold(place / "a")
    assert is_held(place / "a")


def test_users_of_a_folder_do_not_exclude_each_other(place, holder):
    (place / "a").mkdir()
    descriptors = [os.open(place / "a", os.O_RDONLY) for _ in range(2)]
    try:
        assert all(held_folders._locked(one, held_folders.fcntl.LOCK_SH) for one in descriptors)
        assert hold(place / "a")
    finally:
        for one in descriptors:
            os.close(one)


@pytest.mark.parametrize("what", ["file", "loop"])
def test_a_place_where_no_folder_can_be_made(place, what):
    if what == "file":
        (place / "out").touch()
    else:
        (place / "out").symlink_to("out")
    command = [sys.executable, "-m", "harness", "run", "--scenario", "one.kmap"]
    (place / "one.kmap").write_text(
        "title: one\ntasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n"
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "out cannot be written" in done.stderr


def test_a_latest_that_is_no_link_of_ours_stays(place):
    (place / "out/latest").mkdir(parents=True)
    assert output_folder(None, "run").is_dir()
    assert not (place / "out/latest").is_symlink()
    assert {path.name[:4] for path in (place / "out").iterdir()} == {"late", "run-"}
