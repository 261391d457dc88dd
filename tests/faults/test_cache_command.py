"""``cache`` and its limit: the least recently used goes, and never what a process uses."""

import os
import subprocess
import sys

import pytest

from harness.base.cache import Cache
from harness.base.cache_entries import LIMIT, entries, limit_bytes, prune, remove
from harness.base.seal import SEAL, seal_folder
from harness.errors import UsageError

HOLD = (
    "import sys; from pathlib import Path; from harness.base.cache import Cache\n"
    "print(Cache(Path(sys.argv[1])).use(Path(sys.argv[2])), flush=True); sys.stdin.read()"
)


@pytest.fixture
def filled(cache):
    for age, name in enumerate(("templates/new", "kernels/debian/middle", "templates/old")):
        folder = cache.folder(*name.split("/"))
        (folder / "file").write_bytes(bytes(1 << 20))
        seal_folder(folder, [folder / "file"])
        os.utime(folder / SEAL, (10_000 - age, 10_000 - age))
    return cache


def names(found):
    return [one.name for one in found]


def test_the_least_recently_used_goes_first(filled):
    assert names(entries(filled)) == ["templates/old", "kernels/debian/middle", "templates/new"]
    assert names(prune(filled, 10 << 20)) == []
    assert names(prune(filled, 5 << 19)) == ["templates/old"]
    assert names(prune(filled, 0)) == ["kernels/debian/middle", "templates/new"]


def test_a_use_is_noted(filled):
    assert filled.sound(filled.root / "templates/old")
    assert names(entries(filled))[-1] == "templates/old"


def test_what_a_process_uses_stays(filled):
    old = filled.root / "templates/old"
    command = [sys.executable, "-c", HOLD, str(filled.root), str(old)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as user:
        assert user.stdout.readline() == "True\n"
        with pytest.raises(UsageError, match="uses templates/old"):
            remove(filled, ["templates"])
        assert names(prune(filled, 0)) == ["kernels/debian/middle", "templates/new"]
        user.kill()
    assert names(remove(filled, ["templates"])) == ["templates/old"]


@pytest.mark.parametrize("name", ["nope", "templates/nope", "temp", "../x"])
def test_a_product_that_is_not_there(filled, name):
    with pytest.raises(UsageError, match="has no"):
        remove(filled, [name])
    assert len(entries(filled)) == 3


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5"])
def test_a_limit_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv(LIMIT, text)
    with pytest.raises(UsageError, match=LIMIT):
        limit_bytes()


def test_the_cache_of_nobody_is_empty(tmp_path):
    assert entries(Cache(tmp_path / "nowhere")) == ()
