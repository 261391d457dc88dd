"""The pictures of docs/model.md are those that the model gives now."""

import subprocess
import sys

import pytest

from harness.base import project
from harness.model.records.layout import Generation
from harness.model.records.operation import OpCode
from harness.model.rules import pkmap, step
from harness.report.pictures import PICTURES, indented

DOCUMENT = (project.ROOT / "docs" / "model.md").read_text()


@pytest.mark.parametrize("name", PICTURES)
def test_what_the_documentation_shows_is_what_the_model_gives(name):
    picture = indented(PICTURES[name]())
    assert picture in DOCUMENT
    assert max(map(len, picture.splitlines())) <= 99


def test_another_model_gives_another_picture(monkeypatch):
    honest = pkmap.kunmap

    def flushed(d):
        drafts = honest(d)
        for draft in drafts or [d]:
            pkmap.flush_all_zero(draft)
        return drafts

    monkeypatch.setitem(step.RULES[Generation.LOCAL], OpCode.KUNMAP, flushed)
    assert indented(PICTURES["pkmap slot"]()) not in DOCUMENT


def test_the_command_prints_them():
    done = subprocess.run(
        [sys.executable, "-m", "harness", "explore", "--pictures"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(indented(draw()) in done.stdout for draw in PICTURES.values())
