"""Standard streams that are closed, full or read by nobody: the exit code stays the verdict's."""

import os
import subprocess
import sys

import pytest

DEAF = ("2>/dev/full", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", "2>&1 | true")
"""Redirections that lose no result that anybody wanted."""
UNHEARD = (">/dev/full", ">/dev/full 2>&-", ">/dev/full 2>/dev/full")
"""Redirections by which the result itself cannot be written."""

COMMANDS = {
    "agreement": (0, ("explore", "--machine", "tiny")),
    "list": (0, ("kernels",)),
    "help": (0, ("run", "--help")),
    "no-command": (2, ()),
    "wrong-option": (2, ("run", "--nonsense")),
    "no-tree": (2, ("check", "--tree", "/nonexistent")),
    "no-commit": (128, ("bisect-step", "--tree", "/nonexistent")),
    "step-with-a-wrong-option": (128, ("bisect-step", "--steps", "x")),
}


def status(place, redirection, *words):
    """The exit code of the command line with a shell's *redirection*."""
    command = [sys.executable, "-m", "harness", *words]
    shell = ["bash", "-o", "pipefail", "-c", f'"$@" {redirection}', "bash", *command]
    return subprocess.run(shell, cwd=place, capture_output=True, check=False).returncode


QUICK = ("agreement", "no-tree", "no-commit")
"""The commands that are tried in every round of tests; the others in the nightly."""


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[pytest.mark.long] * (one not in QUICK)) for one in COMMANDS]
)
@pytest.mark.parametrize("redirection", DEAF)
def test_a_stream_that_nobody_hears(tmp_path, name, redirection):
    code, words = COMMANDS[name]
    assert status(tmp_path, redirection, *words) == code


@pytest.mark.parametrize("name", ["agreement", "list", "help"])
@pytest.mark.parametrize("redirection", UNHEARD)
def test_a_result_that_cannot_be_written(tmp_path, name, redirection):
    assert status(tmp_path, redirection, *COMMANDS[name][1]) == 3


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", ">&-"])
def test_an_installation_that_is_broken(tmp_path, redirection):
    """What fails before any command is imported has no streams either."""
    program = (
        "import sys; from harness import __main__; sys.modules['harness.cli.main'] = None\n"
        "__main__.main()"
    )
    shell = f'"$@" {redirection}'
    command = ["bash", "-c", shell, "bash", sys.executable, "-c", program]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 3


@pytest.mark.parametrize("how", ["BrokenPipeError", "EOFError", "ImportError", "RecursionError"])
def test_what_typer_would_end_with_a_verdict(tmp_path, how):
    """Typer ends the first two with 1, which is a divergence."""
    program = (
        "import sys; from harness.cli import explore; from harness import __main__ as main\n"
        f"explore.search = explore._draw = lambda *_: (_ for _ in ()).throw({how}('gone'))\n"
        "sys.argv[1:] = ['explore', '--svg', 'x']; main.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert how in done.stderr
    assert "Traceback" not in done.stderr


def test_a_result_without_the_encoding_for_it(tmp_path):
    command = [sys.executable, "-m", "harness", "check", "--tree", "/nonexistent/\u00e9"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 2
    assert rb"/nonexistent/\xe9" in done.stderr


def test_the_next_file_does_not_get_the_number_of_a_closed_stream(tmp_path):
    """A file with number 1 or 2 would be written into by everything that is printed."""
    words = ("explore", "--machine", "tiny", "--json", "result.json")
    assert status(tmp_path, "<&- >&- 2>&-", *words) == 0
    assert (tmp_path / "result.json").read_text().startswith("{")


RUN = ("run", "--steps", "300", "--out", "out", "--scenario")


@pytest.mark.guest
@pytest.mark.parametrize(("redirection", "code"), [(one, 0) for one in DEAF] + [(">/dev/full", 3)])
def test_a_run_whose_streams_are_gone(tmp_path, redirection, code):
    """A restore had its devices on descriptor 0 where that was closed, and ended with 3."""
    (tmp_path / "one.kmap").write_text(
        "title: one\ntasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n"
    )
    assert status(tmp_path, redirection, *RUN, "one.kmap") == code
