"""The host's apt sources, read, and the private ones derived from them.

A host of any Debian release serves any other: the release's name in each suite is replaced
(``bookworm-security`` becomes ``bullseye-security``), everything else stands as the host has it.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Deb822

_CODENAMES = ("stretch", "buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid")
_ALIASES = ("oldoldstable", "oldstable", "stable", "testing", "unstable")
RELEASES = frozenset((*_CODENAMES, *_ALIASES))
POCKETS = ("", "-updates", "-security")
_WITHOUT_POCKETS = ("sid", "experimental")

# Options of one-line entries that say how far a source is trusted, by their deb822 names.
_OPTIONS = {
    "signed-by": "Signed-By",
    "trusted": "Trusted",
    "check-valid-until": "Check-Valid-Until",
    "check-date": "Check-Date",
    "allow-insecure": "Allow-Insecure",
}
_ONE_LINE = re.compile(r"^deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Source:
    """One binary package source: a URI, a suite, its components and how it is trusted."""

    uri: str
    suite: str
    components: tuple[str, ...]
    trust: tuple[tuple[str, str], ...] = ()

    @property
    def release(self) -> tuple[str, str] | None:
        """(release, pocket) of one of Debian's own suites, as ("bookworm", "-security"); else
        None.
        """
        for pocket in sorted(POCKETS, key=len, reverse=True):
            base = self.suite.removesuffix(pocket)
            if base in RELEASES and base + pocket == self.suite:
                return base, pocket
        return None

    def stanza(self, architectures: Iterable[str]) -> str:
        """The source as a deb822 stanza for these architectures."""
        fields = {
            "Types": "deb",
            "URIs": self.uri,
            "Suites": self.suite,
            "Components": " ".join(self.components),
            "Architectures": " ".join(architectures),
            **dict(self.trust),
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items())


def parse_list(text: str) -> Iterator[Source]:
    """Yield the sources of a one-line-style file (``sources.list(5)``), without ``deb-src``."""
    for line in text.splitlines():
        found = _ONE_LINE.match(line.partition("#")[0].strip())
        if found:
            options, uri, suite, components = found.groups()
            yield Source(uri, suite, tuple(components.split()), _one_line_trust(options or ""))


def _one_line_trust(options: str) -> tuple[tuple[str, str], ...]:
    pairs = (option.partition("=") for option in shlex.split(options))
    return tuple(
        (_OPTIONS[key], value.replace(",", " ")) for key, _, value in pairs if key in _OPTIONS
    )


def parse_deb822(text: str) -> Iterator[Source]:
    """Sources of a deb822-style file; stanzas with ``Enabled: no`` are left out."""
    for stanza in Deb822.iter_paragraphs(text.splitlines(keepends=True)):
        if (
            "deb" not in stanza.get("Types", "").split()
            or stanza.get("Enabled", "yes").lower() == "no"
        ):
            continue
        trust = tuple((name, stanza[name]) for name in _OPTIONS.values() if name in stanza)
        components = tuple(stanza.get("Components", "").split())
        for uri in stanza.get("URIs", "").split():
            for suite in stanza.get("Suites", "").split():
                yield Source(uri, suite, components, trust)


def read(files: Iterable[Path]) -> tuple[Source, ...]:
    """All binary sources of these files; a file that cannot be read or decoded is passed over."""
    found: list[Source] = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        found.extend(parse_deb822(text) if path.suffix == ".sources" else parse_list(text))
    return tuple(found)


def derive(sources: Iterable[Source], codename: str) -> tuple[Source, ...]:
    """Sources of the Debian release ``codename``, from a host's sources of any release.

    Only entries that look like the Debian archive count: one of Debian's suites, component main.
    """
    derived: dict[tuple[str, str], Source] = {}
    for source in sources:
        release = source.release
        if release is None or "main" not in source.components:
            continue
        if release[1] and codename in _WITHOUT_POCKETS:
            continue
        suite = codename + release[1]
        derived.setdefault((source.uri, suite), Source(source.uri, suite, ("main",), source.trust))
    return tuple(derived.values())
