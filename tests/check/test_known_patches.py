"""The patches with known verdicts: what each says is right, and what was seen of it last."""

import re

import pytest

from harness.base import project

PATCHES = project.SCENARIOS.parents[1] / "tests" / "check" / "patches"
SETS = sorted(PATCHES.glob("harmless/*")) + sorted(PATCHES.glob("real/*"))
RIGHT = re.compile(
    r"(unchanged|behaviour changed)(, evidence lost: [a-z_]+(, [a-z_]+)*)?|newly failing"
)
_LOST = re.compile(r", evidence lost: (.*)")


def told(patch):
    """The verdict that the text before the diff says is right."""
    text, _, _ = patch.read_text().partition("\n---\n")
    (verdict,) = re.findall(r"^Verdict: (.*(?:\n  .*)*)$", text, re.MULTILINE)
    return " ".join(verdict.split())


def seen(folder):
    """The verdict last seen of each patch that was checked: ``seen.txt``, where there is one."""
    path = folder / "seen.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("folder", SETS, ids=lambda one: f"{one.parent.name}-{one.name}")
def test_each_patch_tells_its_verdict(folder):
    for patch in sorted(folder.glob("*.patch")):
        verdict = told(patch)
        assert RIGHT.fullmatch(verdict), (patch.name, verdict)
        assert (verdict == "newly failing") is (folder.parent.name == "real"), patch.name


@pytest.mark.parametrize("folder", SETS, ids=lambda one: f"{one.parent.name}-{one.name}")
def test_what_was_seen_is_right(folder):
    for name, verdict in seen(folder).items():
        right = told(folder / f"{name}.patch")
        assert RIGHT.fullmatch(verdict), name
        assert (verdict == "newly failing") is (right == "newly failing"), name
        if not _LOST.search(verdict):
            assert _LOST.sub("", verdict) == _LOST.sub("", right), name
