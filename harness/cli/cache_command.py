"""``kmap-harness cache``: what lies in the cache, and making room in it."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from harness.base.cache import Cache
from harness.base.cache_entries import (
    LIMIT,
    LIMIT_MIB,
    CacheEntry,
    entries,
    limit_bytes,
    prune,
    remove,
)
from harness.cli.command_group import FullHelpGroup
from harness.cli.options import Debug, Json
from harness.cli.output import CommandOutput, write_json

cache = typer.Typer(cls=FullHelpGroup, invoke_without_command=True, rich_markup_mode=None)
"""The command: the list without a further word, or one of its own commands."""

Room = Annotated[
    int | None,
    typer.Option(
        "--mib",
        min=0,
        help=f"MiB that the cache may have. [default: {LIMIT_MIB}, or {LIMIT}]",
    ),
]
Products = Annotated[
    list[str],
    typer.Argument(
        help="Products as the list names them, or a kind of product, such as templates."
    ),
]


@cache.callback()
def overview(context: typer.Context, json: Json = None, debug: Debug = False) -> None:
    """List what lies in the cache; prune and remove make room."""
    del debug
    if not context.invoked_subcommand:
        _list(json)


@cache.command(name="list")
def listing(json: Json = None, debug: Debug = False) -> None:
    """List every product with its size, its age and its last use; the latest use comes last."""
    del debug
    _list(json)


@cache.command(name="prune")
def make_room(room: Room = None, debug: Debug = False) -> None:
    """Remove the products used least recently until the rest fits, but none that is in use."""
    del debug
    _say_removed(prune(Cache.default(), limit_bytes() if room is None else room << 20))


@cache.command(name="remove")
def drop(names: Products, debug: Debug = False) -> None:
    """Remove products, or all of a kind, but none that is in use."""
    del debug
    _say_removed(remove(Cache.default(), names))


def _list(json: Path | None) -> None:
    output, home, now = CommandOutput(json), Cache.default(), time.time()
    found, limit = entries(home), limit_bytes()
    output.report(_line(one, now) for one in found)
    total = sum(one.size for one in found)
    output.report([f"{home.root}: {len(found)} products, {_mib(total)} of {_mib(limit)}"])
    products = [_value(one) for one in found]
    write_json(json, {"root": str(home.root), "limit": limit, "products": products})


def _say_removed(gone: tuple[CacheEntry, ...]) -> None:
    sys.stdout.writelines(f"removed {one.name}\n" for one in gone)
    sys.stdout.write(f"{_mib(sum(one.size for one in gone))} are free again\n")


def _value(one: CacheEntry) -> dict[str, object]:
    return {
        "name": one.name,
        "bytes": one.size,
        "made": one.made,
        "used": one.used,
        "held": one.held,
    }


def _line(one: CacheEntry, now: float) -> str:
    held = ", in use" if one.held else ""
    name = one.name if len(one.name) <= 60 else f"{one.name[:57]}..."
    return (
        f"{name:60} {_mib(one.size):>10}  made {_age(now - one.made)} ago,"
        f" used {_age(now - one.used)} ago{held}"
    )


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
