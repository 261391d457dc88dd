"""Other tools that do comparable work, if installed; measured in the same minute on the same
host.
"""

import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.architecture.i386 import I386
from harness.base.project import own_command
from harness.bench.bench_error import BenchError
from harness.bench.figure import Figure, interleaved

PEER_SECONDS = 1800
KUNIT_EDIT = "kunit.py run after an edit"
CHECK_EDIT = "check of the same edit"
DEFAULT_EDIT = "check of an edit with risks, default"


@dataclass(frozen=True, slots=True)
class Peer:
    """One tool: its row, the command that does the work, or why there is none."""

    name: str
    command: tuple[str, ...] = ()
    missing: str = ""
    folder: Path | None = None
    before: Callable[[], None] | None = None
    """The preparation of each run, which is no part of its time."""


def measure_peers(
    peers: Sequence[Peer], rounds: int, say: Callable[[str], None]
) -> tuple[tuple[Figure, ...], Mapping[str, str]]:
    """Figures of the peers that work, in turn; and by name, why the others have none.

    Each runs once before it is measured, so that it finds what it built or stored the first time.
    """
    notes = {peer.name: peer.missing for peer in peers if peer.missing}
    working = []
    for peer in peers:
        if not peer.missing:
            say(f"{peer.name}: the first time")
            try:
                _timed(peer)
            except BenchError as error:
                notes[peer.name] = f"failed: {error.message}"
            else:
                working.append(peer)
    say(", ".join(peer.name for peer in working) or "nothing")
    return interleaved([partial(_sample, peer, notes) for peer in working], rounds), notes


def _sample(peer: Peer, notes: dict[str, str]) -> Mapping[tuple[str, str], float]:
    """One run.  A run that fails gives no sample, and a note."""
    try:
        return _timed(peer)
    except BenchError as error:
        notes[peer.name] = f"failed once: {error.message}"
        return {}


def _timed(peer: Peer) -> Mapping[tuple[str, str], float]:
    """Wall seconds of one run, and CPU seconds of all that it starts.  Raises BenchError."""
    if peer.before:
        peer.before()
    started, used = time.monotonic(), _children()
    _run(peer)
    return {
        (peer.name, "s"): time.monotonic() - started,
        (f"{peer.name}, CPU", "s"): _children() - used,
    }


def _run(peer: Peer) -> None:
    try:
        subprocess.run(
            peer.command,
            cwd=peer.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PEER_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        last = error.stdout.decode(errors="replace").strip().splitlines()[-1:]
        raise BenchError(
            f"exit code {error.returncode}: {''.join(last)}", hint="run it by hand"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(str(error), hint="run it by hand") from error


def _children() -> float:
    """Seconds of CPU of all processes that have been waited for."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


@dataclass(frozen=True, slots=True)
class PeerArguments:
    """The user's input for the peers: a kernel tree for kunit.py; arguments for ``check``.

    ``edited``: instead of them, both made ready for the same edit (``harness/bench/kunit.py``).
    """

    kunit: Path | None = None
    check: tuple[str, ...] = ()
    edited: tuple[Peer, ...] = ()


def find_peers(
    arguments: PeerArguments, image: Path | None, *, has_check: bool
) -> tuple[Peer, ...]:
    """Every peer; one that is not installed has the reason.  *image* is the bzImage to boot."""
    ours = arguments.edited or (
        _kunit(arguments.kunit),
        _check(arguments.check, has_check=has_check),
    )
    return (*ours, _vng(image))


KUNIT = "tools/testing/kunit/kunit.py"


def _kunit(tree: Path | None) -> Peer:
    """kunit.py's shortest run: build nothing, as nothing changed; boot; run the tests of lists."""
    name = f"kunit.py run, {I386.name}, nothing changed"
    if tree is None:
        return Peer(
            name, missing="not installed: give a kernel of the catalogue, or a tree, with --kunit"
        )
    if not (tree / KUNIT).is_file():
        return Peer(name, missing=f"not installed: {tree} has no {KUNIT}")
    return Peer(
        name,
        ("python3", KUNIT, "run", f"--arch={I386.compiler.make_architecture}", "list-kunit-test"),
        folder=tree,
    )


def _vng(image: Path | None) -> Peer:
    """Boot the same image to its first command."""
    name = "vng, boot to the first command"
    program = shutil.which("vng")
    if program is None or image is None:
        return Peer(
            name,
            missing="not installed" if program is None else f"the kernel has no {I386.image.name}",
        )
    return Peer(
        name, (program, "--run", str(image), "--arch", I386.name, "--disable-kvm", "--", "true")
    )


def _check(arguments: Sequence[str], *, has_check: bool) -> Peer:
    """Our own ``check`` of a patch with a warm build folder: patch to verdict."""
    name = "check, warm"
    if not has_check:
        return Peer(name, missing="not installed: this kmap-harness has no `check`")
    if not arguments:
        return Peer(name, missing="not measured: give its arguments with --check")
    return Peer(name, (*own_command(), "check", *arguments))
