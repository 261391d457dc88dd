"""``python -m harness`` is ``kmap-harness``: the entry point, which guards everything.

It imports nothing of the project before the guard, so that a broken installation is no traceback.
"""

import sys
import traceback
from importlib import import_module

_INTERNAL = 3
_STOP = 128
"""The code that ends ``git bisect run``: it takes any code below for a verdict on the commit."""


def main() -> None:
    """Run the command line; whatever ends it is one message and one exit code."""
    try:
        import_module("harness.base.standard_streams").secure_streams()
        signals = import_module("harness.base.signals")
        try:
            signals.raise_when_ended()
            import_module("harness.cli.main").main()
        except signals.EndedBySignal as ended:
            _end(str(ended), ended.exit_code)
    except ImportError as error:
        _fail(error, "a module of the installation is missing or broken; install it again")
    except Exception as error:  # noqa: BLE001 - the top level: no traceback reaches a user
        _fail(error, "run again with --debug")


def _fail(error: Exception, hint: str) -> None:
    code = _STOP if sys.argv[1:2] == ["bisect-step"] else _INTERNAL
    _end(f"internal error: {type(error).__name__}: {error}\n  hint: {hint}", code)


def _end(message: str, code: int) -> None:
    if "--debug" in sys.argv:
        traceback.print_exc()
    sys.stderr.write(f"kmap-harness: {message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
