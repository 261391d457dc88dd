"""The files of a public project agree with the scripts of ci/."""

import re

import pytest

from harness import __version__
from tests.package.conftest import ROOT


def test_the_hooks_before_a_commit_run_what_ci_style_runs() -> None:
    style = (ROOT / "ci" / "style").read_text()
    commands = re.findall(r'^\s*check "[^"]+" (.+)$', style, re.MULTILINE)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert commands
    assert re.findall(r"^\s+entry: (.+)$", hooks, re.MULTILINE) == commands


@pytest.mark.parametrize(
    "name", [".gitlab-ci.yml", ".github/workflows/ci.yml", ".github/workflows/nightly.yml"]
)
def test_pipelines_call_scripts_that_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    scripts = set(re.findall(r"(?<![\w/.])ci/[a-z-]+", text))
    assert scripts
    assert {script for script in scripts if not (ROOT / script).is_file()} == set()


def test_the_changelog_has_the_version_and_a_place_for_the_next_one() -> None:
    heads = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert __version__ in heads
