"""Loads an exported module into a guest: does it fail on the kernel it was written for?"""

from collections.abc import Callable
from pathlib import Path

from harness.errors import KernelError
from harness.export.kernel_source import KBUILD, MODULE_FILE
from harness.guest.failure import AgentError
from harness.guest.protocol import RequestType
from harness.guest.running_guest import Guest
from harness.guest.template import GuestParts, start
from harness.kernel.build import build_module
from harness.kernel.kernel_record import Kernel

Launch = Callable[[GuestParts, Path], Guest]
_STEM = Path(MODULE_FILE).stem


def write_module(folder: Path, source: str) -> Path:
    """Put *source* and its Kbuild into *folder*, which is made; return the C file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Kbuild").write_text(KBUILD, encoding="utf-8")
    path = folder / MODULE_FILE
    path.write_text(source, encoding="utf-8")
    return path


def tried(kernel: Kernel, parts: GuestParts, folder: Path, launch: Launch = start) -> str:
    """Build the module of *folder*, load it into a guest of *parts*, and say how that ended.

    Raises BuildError.
    """
    ko = build_module(kernel, folder).stripped
    with launch(parts, folder) as guest:
        try:
            guest.ask(RequestType.LOAD, ko.read_bytes())
        except AgentError:
            # The agent cannot load a module that fails, or finds that it is not ours.
            guest.await_complaint()
        except KernelError as error:
            return f"it ends its guest: {error.message}"
    console = (folder / "console.log").read_text(encoding="utf-8", errors="replace")
    return _ending(console)


def _ending(console: str) -> str:
    """What the module has said last, failures first."""
    said = [line.partition(f"{_STEM}: ")[2] for line in console.splitlines()]
    for word in ("FAIL", "SKIP", "PASS"):
        for line in said:
            if line.startswith(word):
                return line
    return "it says nothing"
