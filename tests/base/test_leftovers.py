"""Half-made products of the cache: those of killed commands go, those being made stay."""

import subprocess
import sys

import pytest

from harness.base.cache import ENVIRONMENT, Cache
from harness.base.progress import Quiet
from harness.run import prepare

MAKER = """
import sys
from pathlib import Path
from harness.base.cache import Cache
cache = Cache(Path(sys.argv[1]))
with getattr(cache, sys.argv[2])(cache.root.joinpath(*sys.argv[3].split("/"))) as fresh:
    print("begun", flush=True)
    sys.stdin.read()
"""
MAKING = [("new_folder", "modules/one"), ("new_file", "debs/one"), ("new_folder", "kernels/a/one")]


def half_made(cache):
    return [path for path in cache.root.rglob("*") if path.name.startswith(".new-")]


@pytest.fixture
def making(tmp_path):
    """Start another process that makes a product; it goes on until it is killed."""
    started = []

    def start(how, product):
        command = [sys.executable, "-c", MAKER, str(tmp_path), how, product]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.parametrize(("how", "product"), MAKING)
def test_the_next_command_removes_what_a_killed_one_began(tmp_path, making, how, product):
    cache = Cache(tmp_path)
    process = making(how, product)
    cache.remove_leftovers()
    assert half_made(cache), "a product that is being made was removed"
    process.kill()
    process.wait()
    assert half_made(cache)
    cache.remove_leftovers()
    assert not half_made(cache)


def test_a_file_of_an_earlier_version_goes_too(tmp_path):
    cache = Cache(tmp_path)
    cache.folder("judgements").joinpath(".new-one-abcd").write_text("half")
    cache.remove_leftovers()
    assert not half_made(cache)


def test_a_product_is_made_while_others_clear_up(tmp_path):
    """Another process clears up between a folder's making and its lock: another is made."""
    code = "import sys; from pathlib import Path; from harness.base.cache import Cache\n"
    code += "while True: Cache(Path(sys.argv[1])).remove_leftovers()"
    cache = Cache(tmp_path)
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as clearing:
        for number in range(300):
            with cache.new_file(tmp_path / "debs" / str(number), sealed=True) as fresh:
                fresh.write_text("content")
            with cache.new_folder(tmp_path / "modules" / str(number)) as fresh:
                (fresh / "module.ko").write_text("content")
        clearing.kill()
    assert len(list((tmp_path / "modules").glob("*/module.ko"))) == 300
    assert not half_made(cache)


def test_a_sealed_file_is_sound(tmp_path):
    cache = Cache(tmp_path)
    final = tmp_path / "debs" / "one"
    with cache.new_file(final, sealed=True) as fresh:
        fresh.write_text("content")
    assert cache.sound(final)
    assert final.stat().st_mode & 0o777 == 0o644


def test_a_command_that_prepares_a_kernel_clears_up(tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    Cache(tmp_path).folder("modules", ".new-one-abcd")

    class BeganError(Exception):
        pass

    def begin(*_, **__):
        raise BeganError

    monkeypatch.setattr(prepare, "build_module", begin)
    with pytest.raises(BeganError):
        prepare.prepare_kernel(None, Quiet())
    assert not half_made(Cache(tmp_path))
