"""What one run is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

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


Launch = Callable[[GuestParts, Path], Guest]
"""Makes a guest of its parts, with its logs in the folder."""
