"""Every command line of the pages is run: with what it names in place, and no guest."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.cli.options import DEFAULT_KERNEL
from harness.mutants.score import Score
from harness.report.score_report import score_value
from harness.store.store import Store
from harness.trace.trace_file import TraceWriter
from harness.trace.trace_records import Begin, End, Header
from tests.compare.model_guest import FULL, LOCAL, RELEASES, ModelGuest, program
from tests.mutation.operators import MODULES
from tests.report.sample_night import night

from .conftest import ROOT
from .seams import AGREES, known, seams
from .test_docs import PAGES, SCRIPTS, calls

SCRIPT_FILES = sorted(path for path in ROOT.glob("ci/*") if path.is_file())
PLACEHOLDERS = {"K": DEFAULT_KERNEL, "NIGHT": "2026-01-01", "JOB": "a"}
SCENARIO = "title: one\ntasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n"


def command_lines() -> list[tuple[str, ...]]:
    """Every different call of the program, also by the scripts that pass words on."""
    found = set()
    for page in PAGES:
        for name, given in calls(page):
            passes_on = name in SCRIPTS and (given or name != "ci/nightly")
            words = [SCRIPTS[name], *given] if passes_on else given
            named = words and re.fullmatch(r"[a-z-]+", words[0])
            if named and (passes_on or name == "kmap-harness"):
                found.add(tuple(words))
    return sorted(found)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the files that the pages name, which is also the home folder."""
    for name in ("own.kmap", "first.kmap", "found-1.kmap", "tail.kmap", "FILE"):
        (tmp_path / name).write_text(SCENARIO)
    for name in ("linux", "arch/x86/boot", "o/pae/patched"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "o/pae/patched/vmlinux").touch()
    (tmp_path / "arch/x86/boot/bzImage").touch()
    (tmp_path / "score.json").write_text(json.dumps(score_value(Score("6.1-pae", ()))))
    (tmp_path / "before.json").write_text(json.dumps(FIGURES))
    for name in ("out/store.sqlite", "shard-1.sqlite", "shard-2.sqlite"):
        store_of_nights(tmp_path / name)
    for name in ("run.trace", "other.trace"):
        trace(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KMAP_HARNESS_CACHE", str(tmp_path / "cache"))
    seams(monkeypatch)
    return tmp_path


FIGURES = {"figures": [{"name": "boot ours", "median": 1.0, "calibration": 0.1}]}


def store_of_nights(path: Path) -> None:
    """A store with one night."""
    path.parent.mkdir(exist_ok=True)
    with Store(path, make=True) as store:
        night(store, "2026-01-01", {"a": AGREES})


def trace(path: Path) -> None:
    """A short trace of the model as a guest."""
    guest = ModelGuest(
        LOCAL, program("tasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n")
    )
    steps = list(guest.steps())
    header = Header(RELEASES[LOCAL.generation], "", "", LOCAL, FULL, 0)
    with TraceWriter(path, header) as writer:
        for record in (Begin(guest.program, guest.machine.pages, guest.start), *steps):
            writer.write(record)
        writer.write(End(len(steps)))


def run_here(words, monkeypatch) -> int:
    """Run the program in this process, and return its exit code."""
    given = [os.path.expanduser(PLACEHOLDERS.get(word, word)) for word in words]  # noqa: PTH111
    monkeypatch.setattr(sys, "argv", ["kmap-harness", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_a_command_line_of_the_pages_works(place, monkeypatch, capsys, words):
    code = run_here(words, monkeypatch)
    said = capsys.readouterr()
    assert code == 0, said.err
    lines = [*said.out.splitlines(), *said.err.splitlines()]
    wide = [line for line in lines if len(line) > 99 and line.lstrip()[:1] not in '|"']
    assert wide == [], "only Markdown's tables and JSON are wider than a terminal"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--scenario", "nowhere"),
        ("run", "--shape", "smp=two"),
        ("mutants", "P9999"),
        ("nightly", "--set", "others"),
    ],
    ids=" ".join,
)
def test_one_that_does_not_work_is_noticed(place, monkeypatch, words):
    assert run_here(words, monkeypatch) != 0


def test_a_night_that_diverges_where_the_last_agreed_names_it(place, monkeypatch, capsys):
    """The stand-ins agree, and then they do not."""
    words = ("nightly", "--kernel", DEFAULT_KERNEL, "--shape", "smp=1", "--histories", "0")
    words = (*words, "--store", "own.sqlite")
    assert run_here((*words, "--night", "one"), monkeypatch) == 0
    assert capsys.readouterr().out.splitlines()[-1] == ("night one: nothing new; 1 of 1 run agree")
    wrong = {"program": "p", "layer": "contract", "step": 3, "summary": "p step 3: count 2"}
    monkeypatch.setitem(AGREES, "divergences", [wrong])
    monkeypatch.setitem(AGREES, "verdict", "diverge")
    assert run_here((*words, "--night", "two"), monkeypatch) == 1
    said = capsys.readouterr().out
    assert f"NEWLY FLAKY: p on {DEFAULT_KERNEL}-smp1" in said
    assert "p step 3: count 2" in said


def test_a_night_that_goes_on_does_nothing_again(place, monkeypatch, capsys):
    words = ("nightly", "--kernel", DEFAULT_KERNEL, "--shape", "smp=1", "--night", "one")
    words = (*words, "--store", "own.sqlite")
    assert run_here(words, monkeypatch) == 0
    assert capsys.readouterr().out.count("agree    ") == 2
    assert run_here(words, monkeypatch) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["night one: nothing new; 2 of 2 runs agree"]
    assert "goes on: 2 runs are done" in said.err


def test_a_kernel_without_a_name_is_noticed(place, monkeypatch):
    """The seam would take any."""
    with pytest.raises(AssertionError, match="debian-9-686"):
        known("debian-9-686")


def test_the_command_of_another_tools_setting_is_found():
    assert ("check", "--b4", "--tree", ".") in command_lines()


@pytest.mark.parametrize("script", SCRIPT_FILES, ids=lambda path: path.name)
def test_a_script_is_one_that_its_interpreter_reads(script):
    text = script.read_text()
    if "python" in text.partition("\n")[0]:
        ast.parse(text)
    else:
        assert subprocess.run(["bash", "-n", script], check=False).returncode == 0


def script_calls(name: str) -> list[list[str]]:
    found = [words for page in PAGES for script, words in calls(page) if script == name]
    assert found
    return found


def test_words_for_the_scripts_name_what_there_is():
    for words in script_calls("ci/test"):
        places = [word for word in words if word.startswith("tests/")]
        assert all((ROOT / place).exists() for place in places)
    for words in script_calls("ci/mutation"):
        names = {word for word in words if not word.startswith("-")} - {"MODULE"}
        assert names <= {Path(module).stem for module in MODULES}
    patches = [str(path) for path in ROOT.glob("tests/check/patches/**/*.patch")]
    for words in script_calls("ci/check-patches"):
        assert all(any(part in path for path in patches) for part in words)


def test_the_packages_that_the_pages_name_are_those_that_the_setup_looks_for():
    setup = (ROOT / "ci/setup").read_text()
    lines = re.findall(r"^    apt-get install ([^#\n]*)", (ROOT / "README.md").read_text(), re.M)
    assert len(lines) == 3
    for package in " ".join(lines).split():
        assert f"echo {package}\n" in setup, package


@pytest.mark.guest
@pytest.mark.parametrize(
    "lines",
    [
        ["run --scenario pkmap-wait -v"],
        ["run -k 'pkmap and not wait' -x"],
        ["run --junit junit.xml --steps 100 --scenario pkmap-data"],
        ["run --trace run.trace --json run.json", "diff run.trace", "diff run.trace run.trace"],
    ],
    ids=lambda lines: lines[0],
)
def test_some_are_run_with_a_kernel(tmp_path, lines):
    for line in lines:
        command = [sys.executable, "-m", "harness", *shlex.split(line)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def block(page: str, start: str) -> str:
    """The block of a page whose first line begins with *start*."""
    lines = (ROOT / page).read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line.strip().startswith(start))
    last = next(n for n in range(first, len(lines)) if lines[n] and lines[n][:4] != "    ")
    return "\n".join(line.strip() for line in lines[first:last]) + "\n"


@pytest.mark.guest
def test_the_tutorial_says_what_happens(tmp_path):
    """The scenario agrees; changed as the page says, the report is as shown."""
    scenario = block("docs/tutorial.md", "title: a slot whose count is 1")
    shown = block("docs/tutorial.md", "expected    1 expectation")
    command = [sys.executable, "-m", "harness", "run", "--scenario", "first.kmap"]
    for text, code in ((scenario, 0), (scenario.replace("count 1", "count 0"), 1)):
        (tmp_path / "first.kmap").write_text(text)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
    said = [line.strip() for line in done.stdout.splitlines()]
    assert [line for line in shown.splitlines() if line and line not in said] == []
