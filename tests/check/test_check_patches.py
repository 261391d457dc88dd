"""``ci/check-patches``: which verdict it expects of a patch, and what it says of another."""

import json
import shutil
import subprocess
import sys
from textwrap import dedent

import pytest

from harness.base import project

SCRIPT = project.SCENARIOS.parents[1] / "ci" / "check-patches"
CHECK = f"""\
#!{sys.executable}
import json, pathlib, sys
word = dict(zip(sys.argv[2::2], sys.argv[3::2]))
code, verdict, lost = json.loads(pathlib.Path(word["--patch"]).with_suffix(".json").read_text())
print("no evidence " + lost) if lost else None
print(f"verdict     {{verdict}}: on {{word['--kernel']}}")
sys.exit(code)
"""


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "ci").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "ci")
    (tmp_path / "ci/setup").write_text("")
    harness = tmp_path / ".venv/bin/kmap-harness"
    harness.write_text(dedent(CHECK))
    harness.chmod(0o755)

    def add(name, code, verdict, *, told="", lost=""):
        patch = tmp_path / f"tests/check/patches/{name}.patch"
        patch.parent.mkdir(parents=True, exist_ok=True)
        patch.write_text(f"6.1: a change\n{told}\n---\nVerdict: newly failing\n")
        patch.with_suffix(".json").write_text(json.dumps([code, verdict, lost]))
        return tmp_path

    return add


def ran(folder, *arguments):
    command = ["bash", "ci/check-patches", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("told", "code", "verdict", "lost", "right"),
    [
        ("Verdict: unchanged", 0, "UNCHANGED", "", True),
        ("Verdict: unchanged", 0, "BEHAVIOUR CHANGED", "", False),
        ("Verdict: unchanged", 0, "BEHAVIOUR CHANGED", "flush_scan", True),
        ("Verdict: unchanged", 1, "NEWLY FAILING", "", False),
        ("Verdict: unchanged, evidence lost: counts", 0, "UNCHANGED", "counts", True),
        ("Verdict: behaviour changed", 0, "BEHAVIOUR CHANGED", "", True),
        ("Verdict: behaviour changed", 2, "CANNOT JUDGE", "", False),
        ("Verdict: newly failing", 1, "NEWLY FAILING", "", True),
        ("Verdict: newly failing", 0, "UNCHANGED", "counts", False),
    ],
)
def test_a_folder_of_a_series_is_judged_by_what_its_patches_tell(
    tree, told, code, verdict, lost, right
):
    folder = tree("harmless/5.10/p", code, verdict, told=told, lost=lost)
    status, said = ran(folder, "tests/check/patches/harmless/5.10")
    assert status == int(not right), said
    assert ("was expected" in said) is not right
    seen = (folder / "out/check-patches/seen").read_text().split(maxsplit=1)
    shown = f"{code}: {verdict}" + (f", evidence lost: {lost}" if lost else "")
    assert seen == ["harmless/5.10/p", f"{shown}\n"]
    assert "5.10-pae" in (folder / "out/check-patches/harmless/5.10/p/report").read_text()


@pytest.mark.parametrize(
    ("name", "code", "verdict", "right"),
    [
        ("harmless-a", 0, "BEHAVIOUR CHANGED", True),
        ("harmless-a", 1, "NEWLY FAILING", False),
        ("bad-a", 1, "NEWLY FAILING", True),
        ("does-not-apply", 2, "CANNOT JUDGE", True),
        ("upstream/a", 0, "UNCHANGED", True),
        ("upstream/a", 0, "BEHAVIOUR CHANGED", False),
    ],
)
def test_without_a_folder_the_name_tells_the_verdict(tree, name, code, verdict, right):
    tree("comment-b", 0, "UNCHANGED")
    tree("upstream/b", 0, "UNCHANGED")
    folder = tree(name, code, verdict)
    assert ran(folder)[0] == int(not right)
    assert ran(folder, "b")[0] == 0
