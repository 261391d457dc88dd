"""The files of a public project agree with the scripts of ci/."""

import re

import pytest

from harness import __version__
from harness.base.project import NAME
from harness.nightly.matrix import read_matrix
from harness.nightly.night_job import Job
from harness.nightly.night_jobs import NightRequest, night_jobs
from tests.package.conftest import ROOT
from tests.package.test_docs import complaints


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


def night_jobs_of_all() -> list[Job]:
    ours = read_matrix(ROOT / "ci" / "nightly.toml")
    sets = (*ours.sets.values(), *read_matrix().sets.values())
    return [job for one in sets for job in night_jobs(NightRequest((one,)))]


def test_every_job_of_a_night_is_a_command_with_options_that_there_are() -> None:
    jobs = night_jobs_of_all()
    assert {job.suite for job in jobs} >= {"conformance", "contexts", "claims", "mutants"}
    wrong = {why for job in jobs for why in complaints(NAME, [job.command, *job.arguments])}
    assert wrong == set()


def test_the_service_calls_a_command_with_options_that_there_are() -> None:
    units = ROOT / "ci" / "systemd"
    service = (units / "kmap-nightly.service").read_text()
    (line,) = re.findall(r"^ExecStart=/usr/bin/env kmap-harness (.+)$", service, re.MULTILINE)
    assert list(complaints(NAME, line.split())) == []
    assert "OnCalendar=" in (units / "kmap-nightly.timer").read_text()


def test_the_changelog_has_the_version_and_a_place_for_the_next_one() -> None:
    heads = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert __version__ in heads
