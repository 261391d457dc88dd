"""Real guests for tests: kernel, module and agent are made once, or taken from the cache."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.base.cache import Cache
from harness.guest.booting import boot_guest
from harness.guest.shape import Shape
from harness.kernel.build import build_module
from harness.kernel.kernel_record import Kernel
from harness.kernel.stock import obtain

ROOT = Path(__file__).parents[2]
AGENT = ROOT / "images" / "agent"


class Ingredients(NamedTuple):
    kernel: Kernel
    module: Path
    agent: Path
    troublemaker: Path

    def boot(self, workdir, **shape):
        return boot_guest(self.kernel, Shape(**shape), self.module, self.agent, workdir)


def make_agent(target):
    """By the agent's own makefile, in a copy."""
    shutil.copytree(AGENT, target / "images" / "agent", dirs_exist_ok=True)
    shutil.copytree(ROOT / "kmod", target / "kmod", dirs_exist_ok=True)
    subprocess.run(["make", "-s", "-C", target / "images" / "agent", "agent"], check=True)
    return target / "images" / "agent" / "agent"


def make_ingredients(name):
    kernel = obtain(name)
    agent = make_agent(Cache.default().root / "test-agent")
    troublemaker = build_module(kernel, Path(__file__).parent / "troublemaker")
    return Ingredients(kernel, build_module(kernel, ROOT / "kmod").path, agent, troublemaker.path)


@pytest.fixture(scope="session")
def pae():
    return make_ingredients("debian-6.1-686-pae")


@pytest.fixture(scope="session")
def plain():
    return make_ingredients("debian-5.10-686")
