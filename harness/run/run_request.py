"""What one run is asked for."""

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
    """What ``run`` is asked for; ``out`` is the folder for logs, ``trace`` the file for the trace, if any;
    ``attach`` names a guest that runs already; without ``template`` the guest is booted; ``throwaway``:
    scenarios that wreck a kernel run too, each in a guest of its own; ``deterministic``: the programs are
    recorded in one guest and run again in one that finds them in its image and counts instructions;
    ``briefly``: the run ends with the first program in which a promise was broken.
    ``known_bugs``: the bugs that are counted and are no divergence.
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
    known_bugs: KnownBugs = field(default_factory=our_known_bugs)


Launch = Callable[[GuestParts, Path], Guest]
"""Makes a guest of its parts, with its logs in the folder."""
