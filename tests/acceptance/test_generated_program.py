"""A generated program in which a broken kernel diverges is kept, and diverges alone, too."""

from pathlib import Path

import pytest

from harness.compare.divergence import Verdict

from .bench import judged, summary_of
from .local_bugs import P17
from .patched import with_bug

pytestmark = pytest.mark.guest


def test_the_program_that_is_kept_shows_the_bug_alone(stock, tmp_path):
    broken = with_bug(stock.kernel, P17)
    found = judged(stock, tmp_path / "first", steps=300, launch=broken)
    assert found.verdict is Verdict.DIVERGE, summary_of(found)
    kept = [Path(program.file) for program in found.programs if program.file]
    assert kept
    assert {path.parent for path in kept} == {tmp_path / "first"}
    again = judged(stock, tmp_path / "again", kept[0], launch=broken)
    assert again.verdict is Verdict.DIVERGE, summary_of(again)
