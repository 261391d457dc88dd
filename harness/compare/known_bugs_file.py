"""Reads lists of known bugs: ``known_bugs.toml``, and a list of the user's own.

An entry of the user's takes the place of all our entries of the same id, so that a bug can be
declared longer known, or known no longer.  docs/scenarios.md describes the file.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NoReturn

from harness.compare.known_bugs import KnownBug, KnownBugs, major_minor
from harness.errors import UsageError
from harness.model.records.layout import Generation
from harness.model.records.observation import Observation

_CONDITION: Final = re.compile(r"!?CONFIG_[A-Z0-9_]+")
_KEYS: Final = (
    "id",
    "what",
    "versions",
    "generation",
    "config",
    "seen",
    "fields",
    "reference",
    "until",
    "link",
    "message",
)
_HINT: Final = "docs/scenarios.md describes lists of known bugs"


@cache
def our_known_bugs() -> KnownBugs:
    """The list that comes with the harness."""
    return KnownBugs(_entries(files("harness.compare").joinpath("known_bugs.toml"), {}, None))


def load_known_bugs(file: Path | None, today: date) -> KnownBugs:
    """Our list with the entries of *file*, if there is one; *today* decides which of them lapsed.

    Raises UsageError, which names file, entry and key, for anything that is wrong in *file*.
    """
    ours = our_known_bugs().entries
    if file is None:
        return our_known_bugs()
    theirs = _entries(file, {bug.id: bug for bug in ours}, today)
    replaced = {bug.id for bug in theirs}
    return KnownBugs((*theirs, *(bug for bug in ours if bug.id not in replaced)), file)


def _entries(
    source: Path | Traversable, ours: Mapping[str, KnownBug], today: date | None
) -> tuple[KnownBug, ...]:
    try:
        document = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise UsageError(f"{source} is not a TOML file: {error}", hint=_HINT) from error
    tables = document.pop("bug", [])
    if document:
        found = ", ".join(document)
        raise UsageError(f"{source}: {found}: unknown key", hint="entries begin with [[bug]]")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{source}: bug: not a list of entries", hint="write [[bug]]")
    return tuple(
        _EntryReader(f"{source}: entry {number}", table, ours).bug(today)
        for number, table in enumerate(tables, 1)
    )


@dataclass(frozen=True, slots=True)
class _EntryReader:
    """One table of a file, read key by key; ``place`` names file and entry in errors.

    What a user's entry leaves out is taken from our entry of the same id.
    """

    place: str
    table: Mapping[str, Any]
    ours: Mapping[str, KnownBug]

    def bug(self, today: date | None) -> KnownBug:
        """The entry.  Raises UsageError."""
        for key in self.table:
            if key not in _KEYS:
                self._refuse(key, "unknown key", f"keys are {', '.join(_KEYS)}")
        name = self._text("id")
        base = self.ours.get(name)
        message = self._text("message", "")
        if self.ours and base is None and not message:
            self._refuse("id", f"no bug {name!r} is known", f"bugs are {', '.join(self.ours)}")
        first, last = self._versions()
        until = self._until()
        return KnownBug(
            id=name,
            what=self._text("what", base.what if base else None),
            first=first,
            last=last,
            generation=self._generation(),
            config=self._config(),
            seen=self._text("seen", base.seen if base else message or None),
            fields=() if message else self._fields(base),
            reference=self._text("reference", base.reference if base else message or None),
            until=until,
            link=self._text("link", ""),
            lapsed=until is not None and today is not None and until < today,
            message=message,
        )

    def _refuse(self, key: str, problem: str, hint: str) -> NoReturn:
        name = self.table.get("id")
        named = f" ({name})" if isinstance(name, str) else ""
        raise UsageError(f"{self.place}{named}: {key}: {problem}", hint=hint)

    def _text(self, key: str, default: str | None = None) -> str:
        value = self.table.get(key, default)
        if value is None:
            self._refuse(key, "is missing", _HINT)
        if not isinstance(value, str):
            self._refuse(key, f"{value!r} is not a text", f'write {key} = "..."')
        return value

    def _texts(self, key: str, default: Sequence[str]) -> tuple[str, ...]:
        value = self.table.get(key, default)
        if isinstance(value, str) or not all(isinstance(one, str) for one in value):
            self._refuse(key, f"{value!r} is not a list of texts", f'write {key} = ["..."]')
        return tuple(value)

    def _versions(self) -> tuple[tuple[int, int], tuple[int, int]]:
        hint = 'write the first and the last release, like versions = ["6.1", "6.12"]'
        versions = self.table.get("versions")
        if not isinstance(versions, list) or len(versions) != 2:
            self._refuse("versions", "two releases are wanted", hint)
        try:
            first, last = (major_minor(one) for one in self._texts("versions", ()))
        except UsageError as error:
            self._refuse("versions", error.message, hint)
        if first > last:
            self._refuse("versions", "the first release is after the last", hint)
        return first, last

    def _generation(self) -> Generation | None:
        word = self._text("generation", "any")
        if word == "any":
            return None
        known = [generation.value for generation in Generation]
        if word not in known:
            hint = f"generations are {', '.join(known)}, any"
            self._refuse("generation", f"{word!r} is no generation", hint)
        return Generation(word)

    def _config(self) -> tuple[str, ...]:
        conditions = self._texts("config", ())
        for condition in conditions:
            if not _CONDITION.fullmatch(condition):
                hint = 'write config = ["CONFIG_SMP", "!CONFIG_DEBUG_KMAP_LOCAL"]'
                self._refuse("config", f"{condition!r} is no configuration symbol", hint)
        return conditions

    def _fields(self, base: KnownBug | None) -> tuple[str, ...]:
        fields = self._texts("fields", base.fields if base else ())
        unknown = [name for name in fields if name not in Observation._fields]
        if unknown or not fields:
            hint = "fields are those of an observation, like value or warns"
            self._refuse("fields", f"{', '.join(unknown) or 'nothing'} is no field", hint)
        return fields

    def _until(self) -> date | None:
        value = self.table.get("until")
        if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            self._refuse("until", f"{value} is no date", "write until = 2027-01-31")
