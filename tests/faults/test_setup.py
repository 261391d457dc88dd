"""``ci/run`` where packages are missing and nobody may install them."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "id", "dirname", "cat", "flock", "sha256sum", "env")
NOBODY = 65534


@pytest.fixture
def bare():
    """A copy of the scripts that anybody may enter, and a PATH with hardly a program."""
    place = Path(tempfile.mkdtemp())
    shutil.copytree(ROOT / "ci", place / "ci")
    (place / "bin").mkdir()
    for name in TOOLS:
        (place / "bin" / name).symlink_to(shutil.which(name))
    place.chmod(0o777)
    yield place
    shutil.rmtree(place)


def setup(place, **more):
    drop = {"user": NOBODY, "group": NOBODY, "extra_groups": ()} if os.geteuid() == 0 else {}
    done = subprocess.run(
        [place / "ci" / "run"],
        cwd=place,
        env={"PATH": str(place / "bin")},
        capture_output=True,
        text=True,
        check=False,
        **drop,
        **more,
    )
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.splitlines()


def test_the_packages_and_the_line_to_paste(bare):
    """It said ``root or sudo is needed to install: -qq``."""
    message, hint = setup(bare)
    missing = message.removeprefix("run: root or sudo is needed to install: ").split()
    assert {"qemu-system-x86", "gcc-i686-linux-gnu", "make", "git"} <= set(missing)
    assert hint == f"  hint: as root, apt-get install --no-install-recommends {' '.join(missing)}"


def test_a_sudo_that_does_not_let_one(bare):
    sudo = bare / "bin" / "sudo"
    sudo.write_text("#!/bin/bash\nexit 1\n")
    sudo.chmod(0o755)
    said = setup(bare)
    assert said[-2].startswith("run: apt-get could not install: qemu-system-x86 ")
    assert said[-1].startswith("  hint: as root, apt-get install --no-install-recommends qemu")
