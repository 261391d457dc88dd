"""A bisection of a real kernel: the harness and ``git bisect run`` name the bad one of 16 commits.

One commit breaks the contract, one does not build.  The repository holds the sources of a small
configuration, and of all else only the files of kbuild.  Git asks first for the commit that does
not build, so each bisection has to skip it.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.base import project
from harness.base.cache import Cache
from harness.cli.progress_bar import progress_for
from harness.kernel.build_recipe import recipes
from harness.kernel.built import OBJECTS, KernelTree, built_tree, obtain_built
from harness.patch.git import attempt, git, line
from harness.patch.scratch import open_scratch

KERNEL = "6.1-pae"
SCENARIOS = ("pkmap-data", "pkmap-wait")
PATCHES = Path(__file__).parent.parent / "check" / "patches"

KBUILD = re.compile(r"(Kconfig|Makefile|Kbuild)")
LEFT_OUT = re.compile(
    r"^(Documentation|samples|sound|net|rust|tools/(testing|perf|bpf)|arch/(?!x86)[^/]+"
    r"|fs/(?!proc|ramfs|sysfs|kernfs"
    r"|debugfs|tracefs|devpts|nls|iomap|crypto|verity|notify|exportfs|quota)[a-z0-9_]+"
    r"|drivers/(gpu|net|media|staging|infiniband|scsi|usb|iio|crypto|mtd|nvme|hwmon|input"
    r"|pinctrl|clk|regulator|mfd|soc|phy|power|rtc|spi|i2c|leds|thunderbolt|md|ata|edac|isdn|hid"
    r"|comedi|misc|remoteproc|interconnect|memory))/"
)
"""Sources that this configuration does not need; of them only the files of kbuild are kept."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit: a patch of ``tests/check/patches``, or its reverse."""

    patch: str
    reverse: bool = False

    @property
    def subject(self) -> str:
        """The patch's first line."""
        text = (PATCHES / f"{self.patch}.patch").read_text().splitlines()[0]
        return f"Revert {text!r}" if self.reverse else text


HISTORY = (
    Commit("comment-only"),
    Commit("harmless-map-new-virtual-outline"),
    Commit("upstream/ptep-get"),
    Commit("upstream/no-last-return"),
    Commit("harmless-cursor-renamed"),
    Commit("upstream/tlb-threshold"),
    Commit("harmless-statements"),
    Commit("does-not-compile"),
    Commit("does-not-compile", reverse=True),
    Commit("harmless-statements", reverse=True),
    Commit("bad-no-flush"),
    Commit("harmless-wake-outside"),
    Commit("harmless-map-new-virtual-outline", reverse=True),
    Commit("harmless-flush-renamed"),
    Commit("harmless-wake-outside", reverse=True),
    Commit("comment-only", reverse=True),
)
BROKEN, BAD = 7, 10


def main(words: list[str] | None = None) -> int:
    """Make the repository, bisect it twice; 0 where both are right."""
    parser = argparse.ArgumentParser(description=__doc__, prog="ci/check-bisect")
    parser.add_argument(
        "--out", type=Path, default=Path("out/check-bisect"), help="folder for all of it"
    )
    parser.add_argument(
        "--bad", type=int, default=BAD + 1, help="the commit that is to be named, from 1"
    )
    chosen = parser.parse_args(words)
    out = chosen.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    tree, commits = made(out)
    wrong = [*ours(tree, commits, chosen.bad - 1, out), *gits(tree, commits, chosen.bad - 1, out)]
    sys.stdout.writelines(f"WRONG: {one}\n" for one in wrong)
    sys.stdout.write("both name the bad commit\n" if not wrong else "")
    return int(bool(wrong))


def made(out: Path) -> tuple[Path, list[str]]:
    """The repository, and the hashes of its commits, the base first."""
    tree = out / "linux"
    shutil.rmtree(tree, ignore_errors=True)
    with progress_for(Console(stderr=True)) as progress:
        kernel = obtain_built(recipes()[KERNEL], progress=progress)
    built = built_tree(kernel)
    names = list(needed(built.source))
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(built.source / name, tree / name, follow_symlinks=False)
    git(tree, "init", "-q")
    for setting in (
        "user.name=kmap-harness",
        "user.email=kmap-harness@localhost",
        "core.compression=0",
    ):
        git(tree, "config", *setting.split("=", 1))
    git(tree, "add", "--all", "--force")
    commits = [committed(tree, kernel.source)]
    take_over(built, tree, names)
    for one in HISTORY:
        apply(tree, one)
        commits.append(committed(tree, one.subject))
    say(f"{tree}: {len(commits) - 1} commits on {kernel.source}")
    return tree, commits


def take_over(built: KernelTree, tree: Path, names: list[str]) -> None:
    """Give the scratch of *tree* the objects of the same sources, so the base need not be built.

    Make takes them as up to date if the sources have their old times, which git must be told.
    """
    with open_scratch(tree, Cache.default()) as scratch:
        scratch.settle(scratch.base(""))
        for name in names:
            said = (built.source / name).lstat()
            times = (said.st_atime_ns, said.st_mtime_ns)
            os.utime(scratch.source / name, ns=times, follow_symlinks=False)
        objects = scratch.objects(KERNEL)
        shutil.rmtree(objects)
        shutil.copytree(built.objects, objects, symlinks=True)
        git(scratch.source, "update-index", "-q", "--refresh")


def needed(source: Path) -> Iterator[str]:
    """Names of the files to be committed."""
    for folder, folders, files in os.walk(source):
        if Path(folder) == source:
            folders.remove(OBJECTS)
        prefix = f"{Path(folder).relative_to(source)}/".removeprefix("./")
        bare = LEFT_OUT.match(prefix)
        yield from (f"{prefix}{name}" for name in files if not bare or KBUILD.match(name))


def apply(tree: Path, one: Commit) -> None:
    """Apply a patch at any line; git replaces the file, so hard links keep the old content."""
    text = (PATCHES / f"{one.patch}.patch").read_bytes()
    git(
        tree,
        "apply",
        "--whitespace=nowarn",
        "-C1",
        *(["--reverse"] if one.reverse else []),
        text=text,
    )


def committed(tree: Path, subject: str) -> str:
    """The hash of a new commit with all that has changed."""
    git(tree, "commit", "-q", "--all", "-m", subject)
    return line(tree, "rev-parse", "HEAD")


def terms(out: Path) -> list[str]:
    """What both ways are told alike."""
    scenarios = [
        word
        for name in SCENARIOS
        for word in ("--scenario", str(project.SCENARIOS / f"{name}.kmap"))
    ]
    return ["--config", KERNEL, *scenarios, "--out", str(out)]


def ours(tree: Path, commits: list[str], bad: int, out: Path) -> Iterator[str]:
    """What is wrong with ``kmap-harness bisect``."""
    words = ("bisect", "--tree", str(tree), "--good", commits[0], "--bad", commits[-1])
    done = run(tree, sys.executable, "-m", "harness", *words, *terms(out / "bisect"))
    if done.returncode:
        yield f"bisect exits with {done.returncode}"
    if f'("{HISTORY[bad].subject}")' not in done.stdout.splitlines()[-1]:
        yield f"bisect does not name commit {bad + 1}"
    if f"skip  {commits[BROKEN + 1][:12]}" not in done.stdout:
        yield "bisect has not met the commit that does not build"


def gits(tree: Path, commits: list[str], bad: int, out: Path) -> Iterator[str]:
    """What is wrong with ``git bisect run kmap-harness bisect-step``."""
    attempt(tree, "bisect", "reset")
    git(tree, "bisect", "start", commits[-1], commits[0])
    step = (sys.executable, "-m", "harness", "bisect-step", "--tree", ".", *terms(out / "steps"))
    done = run(tree, "git", "bisect", "run", *step)
    log = git(tree, "bisect", "log").decode()
    attempt(tree, "bisect", "reset")
    if done.returncode:
        yield f"git bisect run exits with {done.returncode}"
    if f"{commits[bad + 1]} is the first bad commit" not in done.stdout:
        yield f"git bisect run does not name commit {bad + 1}"
    if f"git bisect skip {commits[BROKEN + 1]}" not in log:
        yield "git bisect run has not met the commit that does not build"


def run(tree: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run it inside of *tree*, shown as it goes."""
    say(" ".join(command))
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for text in process.stdout:
            say(f"  {text.rstrip()}")
            lines.append(text)
    return subprocess.CompletedProcess(command, process.returncode, "".join(lines))


def say(text: str) -> None:
    """A line of its own, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
