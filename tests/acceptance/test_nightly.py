"""A nightly over two kernels, of which the first cannot boot: only that one is an error."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import xmlschema

from .bench import KERNEL

pytestmark = pytest.mark.guest

SCHEMA = Path(__file__).parents[1] / "report" / "junit.xsd"
IMPOSSIBLE = "smp=1,cpu=486"
"""A PAE kernel stops at once on a CPU without PAE (arch/x86/boot/cpu.c, validate_cpu)."""


def nightly(out, *arguments):
    command = [
        sys.executable,
        "-m",
        "harness",
        "nightly",
        "--kernel",
        KERNEL,
        "--steps",
        "300",
        "--histories",
        "0",
        "--out",
        out,
        "--store",
        out.parent / "store.sqlite",
    ]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done, json.loads((out / "nightly.json").read_text())


def test_one_that_cannot_boot_stops_nothing_else(stock, tmp_path):
    shapes = ("--shape", "smp=1", "--shape", IMPOSSIBLE)
    done, night = nightly(tmp_path / "first", *shapes)
    alive, dead = sorted(night["runs"], key=lambda run: run["verdict"] == "error")
    assert (dead["verdict"], dead["exit_code"]) == ("error", 3), dead
    assert "did not boot" in dead["report"]["error"]
    assert dead["report"]["steps"] == 0
    assert alive["report"]["steps"] > 300
    assert alive["verdict"] in ("agree", "diverge")
    assert done.returncode == (3 if alive["verdict"] == "agree" else 1)
    xmlschema.XMLSchema(SCHEMA).validate(tmp_path / "first" / "junit.xml")
    for run in night["runs"]:
        assert {"run.json", "output.log", "console.log"} <= {
            one.name for one in Path(run["folder"]).iterdir()
        }
        assert all(run["provenance"][name] for name in ("qemu", "module", "harness", "host"))
    assert "gcc" in alive["provenance"]["compiler"]
    assert f"NO VERDICT: {dead['job']}" in done.stdout
    _compared_with_an_earlier_night(tmp_path, alive, dead)


def _compared_with_an_earlier_night(tmp_path, alive, dead):
    done, night = nightly(tmp_path / "second", "--shape", "smp=1")
    told = {(one["job"], one["kind"]) for one in night["changes"]}
    assert (dead["job"], "not run") in told
    assert [run["inputs"] for run in night["runs"]] == [alive["inputs"]]
    assert [run["key"] for run in night["runs"]] != [alive["key"]]
    assert "nothing new" in done.stdout.splitlines()[-1]
