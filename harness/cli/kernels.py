"""``kmap-harness kernels``: what is known, cached and built."""

import json
import sys
from typing import Annotated

import typer

from harness.kernel.status import KernelStatus, statuses


def kernels(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """List the stock kernels: known by name, fetched into the cache, and modules built for them."""
    del debug
    rows = statuses()
    text = json.dumps([_value(row) for row in rows], indent=1) if as_json else "\n".join(map(_line, rows))
    sys.stdout.write(text + "\n")


def _value(row: KernelStatus) -> dict[str, object]:
    kernel = row.kernel
    return {
        "name": row.name,
        "cached": kernel is not None,
        "release": kernel.release if kernel else None,
        "source": kernel.source if kernel else None,
        "system_map": bool(kernel and kernel.system_map),
        "modules_built": row.built,
    }


def _line(row: KernelStatus) -> str:
    if not row.kernel:
        return f"{row.name:24} known, fetched when it is first used"
    built = f"{row.built} module{'' if row.built == 1 else 's'} built" if row.built else "no module built"
    return f"{row.name:24} cached  {row.kernel.release:26} {built}"
