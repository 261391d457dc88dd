"""The command line's top level: the only place that turns errors into exit codes."""

import errno
import sys
import traceback

import typer

from harness.cli import bench, diff, explore, kernels, nightly, run, ssh
from harness.errors import HarnessError

_PREREQUISITE = 2
_INTERNAL = 3
_HOST_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
_INTERRUPTED = 130

app = typer.Typer(
    name="kmap-harness",
    help="Judges the highmem mapping code (kmap, kmap_atomic, kmap_local) of real i386 kernels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.command(name="run")(run.run)
app.command(name="diff")(diff.diff)
app.command(name="explore")(explore.explore)
app.command(name="kernels")(kernels.kernels)
app.command(name="nightly")(nightly.nightly)
app.command(name="ssh")(ssh.ssh)
app.command(name="push")(ssh.push)
app.command(name="pull")(ssh.pull)
app.command(name="bench")(bench.bench)


def main() -> None:
    """Run the command line; every error becomes one message and one exit code (docs/architecture.md)."""
    debug = "--debug" in sys.argv
    try:
        app()
    except HarnessError as error:
        _say(str(error), debug=debug)
        sys.exit(error.exit_code)
    except OSError as error:
        _say(_of_the_system(error), debug=debug)
        sys.exit(_PREREQUISITE if error.errno in _HOST_REFUSES else _INTERNAL)
    except KeyboardInterrupt:
        _say("interrupted", debug=debug)
        sys.exit(_INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the top level: no traceback reaches a user
        _say(f"internal error: {type(error).__name__}: {error}\n  hint: run again with --debug", debug=debug)
        sys.exit(_INTERNAL)


def _of_the_system(error: OSError) -> str:
    """What the host refused, where no room has said it better."""
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return f"{what}\n  hint: free space, or give a place that can be written; --debug shows where it happened"


def _say(message: str, *, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"kmap-harness: {message}\n")
