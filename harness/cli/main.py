"""The command line's top level: the only place that turns errors into exit codes."""

import errno
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer

from harness.base.project import NAME, version_text
from harness.base.signals import EndedBySignal
from harness.base.standard_streams import lost_result
from harness.cli.command_group import HELP_WORDS, FullHelpGroup
from harness.errors import HarnessError, InfrastructureError

_PREREQUISITE = 2
_INTERNAL = 3
_STEP_CODES = (0, 1, 125)
"""What ``bisect-step`` says of a commit; ``git bisect run`` takes any other below 128 for bad."""
_STOP = 128
"""``git bisect run`` stops at 128 and above, and concludes nothing about the commit."""
_HOST_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)

_ABOUT = "Judges the highmem mapping code (kmap, kmap_atomic, kmap_local) of real i386 kernels."

COMMANDS: Mapping[str, str] = {
    "run": "run",
    "claims": "claims",
    "diff": "diff",
    "explore": "explore",
    "histories": "histories",
    "schedules": "schedules",
    "kernels": "kernels",
    "scenarios": "scenarios",
    "cache": "cache_command",
    "doctor": "doctor",
    "nightly": "nightly",
    "store": "store_command",
    "matrix": "matrix_command",
    "ssh": "ssh",
    "push": "ssh",
    "pull": "ssh",
    "bench": "bench",
    "mutants": "mutants",
    "check": "check",
    "bisect-step": "bisect",
    "bisect": "bisect",
    "broken-rules": "broken_rules",
    "fuzz": "fuzz",
    "export": "export",
}
"""Each command and the module of this room that has the function of its name."""


class _Commands(FullHelpGroup):
    """The commands; what typer would end with 1, a verdict here, is a failure of the harness."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # click untyped
        """Run the command.  Raises InfrastructureError where a pipe or a peer ended."""
        try:
            return super().invoke(ctx)
        except (EOFError, BrokenPipeError) as error:
            raise InfrastructureError(
                f"somebody stopped talking in the middle: {type(error).__name__}: {error}",
                hint="a process of the harness or QEMU was ended; --debug shows where",
            ) from error


def application(words: Sequence[str]) -> typer.Typer:
    """The command line for *words*: with the command that they name, or else with every command.

    Only the module of that command is imported: importing all takes as long as a restore.
    """
    app = typer.Typer(
        name="kmap-harness",
        cls=_Commands,
        help=_ABOUT,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=dict(HELP_WORDS),
        add_completion=True,
    )
    app.callback()(_group)
    for name in [words[0]] if words and words[0] in COMMANDS else COMMANDS:
        _add(app, name)
    return app


def _add(app: typer.Typer, name: str) -> None:
    """Add the command *name*, which may have commands of its own."""
    command = getattr(import_module(f"harness.cli.{COMMANDS[name]}"), name.replace("-", "_"))
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name=name)(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"{NAME} {version_text()}\n")
        raise typer.Exit


def _group(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and the commit, then exit.",
        ),
    ] = False,
) -> None:
    """Judges the highmem mapping code (kmap, kmap_atomic, kmap_local) of real i386 kernels."""
    del version


def main() -> None:
    """Run the command line and exit.

    Every error becomes one message and one exit code (docs/architecture.md).  A result that
    could not be printed changes it.
    """
    words = sys.argv[1:]
    code = _exit_code(words)
    if lost := lost_result():
        code = _said(f"the result could not be printed: {lost}", _INTERNAL)
    if words[:1] == ["bisect-step"] and code not in _STEP_CODES:
        code = max(code, _STOP)
    sys.exit(code)


def _exit_code(words: Sequence[str]) -> int:
    """Run the command that *words* are, and return its exit code."""
    debug = "--debug" in words
    try:
        application(words)()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except HarnessError as error:
        return _said(str(error), error.exit_code, debug=debug)
    except OSError as error:
        refused = error.errno in _HOST_REFUSES
        code = _PREREQUISITE if refused else _INTERNAL
        return _said(_of_the_system(error), code, debug=debug)
    except EndedBySignal as ended:
        return _said(str(ended), ended.exit_code, debug=debug)
    except Exception as error:  # noqa: BLE001 - the top level: no traceback reaches a user
        what = f"internal error: {type(error).__name__}: {error}"
        return _said(f"{what}\n  hint: run again with --debug", _INTERNAL, debug=debug)
    return 0


def _of_the_system(error: OSError) -> str:
    """The message for a refusal of the host that no room has turned into an error of its own."""
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    hint = "free space, or give a place that can be written; --debug shows where it happened"
    return f"{what}\n  hint: {hint}"


def _said(message: str, code: int, *, debug: bool = False) -> int:
    """Return *code*, after *message* has told the user why."""
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"{NAME}: {message}\n")
    return code
