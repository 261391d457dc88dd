"""A saved guest in the cache that was damaged: it is never restored, and is made again."""

import os
import shutil

import pytest

from harness.base.cache import Cache
from harness.base.seal import PIECE, SEAL
from harness.guest.shape import Shape
from harness.guest.template import GuestParts, find_template, start, template_key
from tests.guest.conftest import make_ingredients

pytestmark = pytest.mark.guest


@pytest.fixture(scope="module")
def parts():
    found = make_ingredients("debian-6.1-686-pae")
    return GuestParts(found.kernel, Shape(smp=1), found.module, found.agent)


@pytest.fixture(scope="module")
def saved(parts, tmp_path_factory):
    """A cache with one template, which each case copies."""
    cache = Cache(tmp_path_factory.mktemp("saved"))
    start(parts, tmp_path_factory.mktemp("boot"), cache).close()
    return cache


def flip_a_used_page(path):
    """One bit somewhere in the memory that the guest has written."""
    with path.open("r+b") as file:
        at = os.lseek(file.fileno(), 20 * PIECE, os.SEEK_DATA) + 1234
        byte = os.pread(file.fileno(), 1, at)[0]
        os.pwrite(file.fileno(), bytes((byte ^ 1,)), at)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path):
    os.truncate(path, 0)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def remove(path):
    path.unlink()


CASES = [
    ("memory", flip_a_used_page),
    ("memory", empty),
    ("memory", cut),
    ("memory", remove),
    ("devices", flip),
    ("devices", empty),
    ("devices", cut),
    ("template.json", flip),
    ("template.json", empty),
    (SEAL, flip),
    (SEAL, remove),
]


@pytest.mark.parametrize(("name", "damage"), CASES)
def test_a_damaged_template_is_none(parts, saved, tmp_path, name, damage):
    cache = Cache(tmp_path / "cache")
    shutil.copytree(saved.root, cache.root)
    assert find_template(parts, cache) is not None
    damage(cache.root / "templates" / template_key(parts) / name)
    assert find_template(parts, cache) is None


@pytest.mark.long
@pytest.mark.parametrize(("name", "damage"), [CASES[0], CASES[4], CASES[7]])
def test_it_is_reported_and_made_again(parts, saved, tmp_path, capsys, name, damage):
    cache = Cache(tmp_path / "cache")
    shutil.copytree(saved.root, cache.root)
    damage(cache.root / "templates" / template_key(parts) / name)
    workdir = tmp_path / "out"
    workdir.mkdir()
    start(parts, workdir, cache).close()
    assert f"templates/{template_key(parts)} in the cache is damaged ({name} " in (
        capsys.readouterr().err
    )
    start(parts, workdir, cache).close()
    assert not capsys.readouterr().err
