"""Modules that were built for another kernel, used again where all their sources are equal.

A patch to a ``.c`` file makes another kernel, and the same module. Beside its own sources a module
depends on the configuration, on ``Module.symvers`` and on every header that the compiler has read.
Kbuild lists those headers in its ``.cmd`` files (scripts/basic/fixdep.c), so that a patch to an
inline function in any of them is noticed.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.base.cache import Cache
from harness.base.fingerprint import digest_of, key_of
from harness.base.memo import Memo
from harness.base.progress import Progress
from harness.kernel.build import Built, build_module, source_files
from harness.kernel.cross_compiler import compiler_version
from harness.kernel.kernel_record import Kernel

_HEADER = re.compile(r"^  (/?[^\s$]+\.h)(?: \\)?$", re.MULTILINE)
_VARIANTS_MOST = 12
"""Sets of headers remembered for one configuration; each is a module in the cache."""


def module_for(
    kernel: Kernel, source: Path, folder: Path, cache: Cache, progress: Progress
) -> tuple[Built, bool]:
    """Return the module of *folder* for *kernel*, and whether it was there already.

    It is built in the tree *source*. Raises as :func:`harness.kernel.build.build_module`.
    """
    kept = Memo(cache, "module-headers")
    key = _key(kernel, folder)
    variants: list[dict[str, Any]] = (kept.load(key) or {}).get("variants", [])
    places = {"S": source, "O": kernel.build_dir}
    digests = _Digests()
    for one in variants:
        module = Path(one["module"])
        if module.is_file() and digests.equal(one["headers"], places):
            return Built(module, one["key"], one["command"]), True
    built = build_module(kernel, folder, cache, progress)
    said = {"module": str(built.path), "key": built.key, "command": built.command}
    fresh = {**said, "headers": dict(_headers(built.path.parent, places))}
    kept.save(key, {"variants": [fresh, *variants][:_VARIANTS_MOST]})
    return built, False


def _key(kernel: Kernel, folder: Path) -> str:
    """Names all but the headers."""
    symvers = kernel.build_dir / "Module.symvers"
    return key_of(
        (
            kernel.release,
            kernel.vermagic,
            kernel.config.digest,
            hashlib.sha256(symvers.read_bytes()).hexdigest() if symvers.is_file() else "",
            compiler_version(kernel.architecture.compiler),
            digest_of(source_files(folder)),
        )
    )


def _headers(home: Path, places: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Every header of the kernel that a built module has read, with its digest."""
    names = {name for file in home.glob(".*.o.cmd") for name in _HEADER.findall(file.read_text())}
    for name in sorted(names):
        placed = _placed(name, places)
        if placed:
            yield placed, _digest(_path(placed, places))


def _placed(name: str, places: Mapping[str, Path]) -> str:
    """Return ``S:include/linux/mm.h`` or ``O:include/generated/autoconf.h``.

    For a header of the module's own the result is empty.
    """
    path = Path(name)
    if not path.is_absolute():
        return f"O:{path}"
    for letter, root in places.items():
        if path.is_relative_to(root):
            return f"{letter}:{path.relative_to(root)}"
    return "" if "/modules/" in name else f"/:{name}"


def _path(placed: str, places: Mapping[str, Path]) -> Path:
    letter, _, name = placed.partition(":")
    return Path(name) if letter == "/" else places[letter] / name


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


class _Digests:
    """Digests of the headers as they are now, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def equal(self, headers: Mapping[str, str], places: Mapping[str, Path]) -> bool:
        """Tell whether every one of *headers* is as it was."""
        return all(self._now(name, places) == digest for name, digest in headers.items())

    def _now(self, name: str, places: Mapping[str, Path]) -> str:
        if name not in self._known:
            self._known[name] = _digest(_path(name, places))
        return self._known[name]
