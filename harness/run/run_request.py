"""The request for one run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.compare.known_bugs import KnownBugs
from harness.compare.known_bugs_file import our_known_bugs
from harness.guest.running_guest import Guest
from harness.guest.shape import Shape
from harness.guest.template import GuestParts
from harness.run.programs import Plan


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run: which kernel on which machine, what to execute, where to write.

    ``kernel`` is a name or the file of an image, with the ``build_dir`` it was built in.  ``out``
    is the folder for logs, ``trace`` the file for a trace.  ``attach`` names a guest that runs
    already. Without ``template`` the guest is booted, not restored.

    ``throwaway``: also run the scenarios that wreck a kernel, each in a guest of its own.
    ``deterministic``: record the programs in one guest, and judge another that has them in its
    image and counts instructions.  ``coverage``: the folder for a report of the lines that were
    executed. ``briefly``: end the run with the first program that breaks the contract.
    ``stop_first``: end it with the first program that fails in any way.
    ``confirm``: what ends a guest runs again before the kernel is blamed.
    ``known_bugs``: bugs that are counted, and are no divergence.
    """

    kernel: str
    build_dir: Path | None
    shape: Shape
    plan: Plan
    out: Path
    trace: Path | None = None
    attach: str = ""
    template: bool = True
    throwaway: bool = False
    deterministic: bool = False
    coverage: Path | None = None
    briefly: bool = False
    stop_first: bool = False
    confirm: bool = True
    known_bugs: KnownBugs = field(default_factory=our_known_bugs)


Launch = Callable[[GuestParts, Path], Guest]
"""Makes a guest of its parts, with its logs in the folder."""
