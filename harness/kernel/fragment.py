"""Configuration fragments: the settings that a kernel must have, and a check of its ``.config``.

Kconfig silently drops what a version lacks or a dependency forbids (``make olddefconfig``); here
every setting that was asked for is looked up afterwards.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.kernel.kernel_record import KernelConfig

_SET = re.compile(r"(CONFIG_\w+)=(.*)")
_UNSET = re.compile(r"# (CONFIG_\w+) is not set")
NO = "n"


class FragmentError(UsageError):
    """A fragment is missing, or has a line that is no setting."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not what was asked for."""

    name: str
    asked: str
    got: str
    """``n`` also where the symbol does not exist in this version."""

    def __str__(self) -> str:
        """As in messages: ``CONFIG_SMP: asked for y, got n``."""
        return f"{self.name}: asked for {self.asked}, got {self.got}"


class ConfigMismatchError(UsageError):
    """Kconfig did not take some of the settings."""

    def __init__(self, what: str, differences: Iterable[Difference]) -> None:
        self.differences = tuple(differences)
        lines = "".join(f"\n    {one}" for one in self.differences)
        super().__init__(
            f"the configuration of {what} is not what was asked for:{lines}",
            hint="the version lacks the symbol, or a symbol that it depends on is not set",
        )


def parse(text: str, where: str) -> dict[str, str]:
    """Settings by name, values as they stand (quotes too); raises :class:`FragmentError`."""
    found: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), start=1):
        if match := _SET.fullmatch(line):
            found[match[1]] = match[2]
        elif match := _UNSET.fullmatch(line):
            found[match[1]] = NO
        elif line and not line.startswith("#"):
            raise FragmentError(
                f"{where}:{number}: {line!r} is no setting", hint="write CONFIG_NAME=value"
            )
    return found


def merge(fragments: Iterable[Path]) -> dict[str, str]:
    """The settings of several fragments; of two that name one symbol the later counts."""
    merged: dict[str, str] = {}
    for path in fragments:
        try:
            merged |= parse(path.read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise FragmentError(f"{path} cannot be read: {error.strerror}") from error
    return merged


def text(settings: Mapping[str, str]) -> str:
    """The settings as a file for Kconfig, in order of name."""
    return "".join(
        f"# {name} is not set\n" if value == NO else f"{name}={value}\n"
        for name, value in sorted(settings.items())
    )


def differences(asked: Mapping[str, str], got: KernelConfig) -> Iterator[Difference]:
    """The settings of a configuration that are not what was asked for, in order of name."""
    for name, value in sorted(asked.items()):
        have = got.get(name, NO)
        if have != value.strip('"'):
            yield Difference(name, value, have)
