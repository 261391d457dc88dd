"""The apt configuration of the host, which is only ever read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.base.host import run
from harness.base.host_programs import find_program
from harness.kernel import sources


@dataclass(frozen=True, slots=True)
class HostApt:
    """The parts of the host's apt configuration that the private states take over."""

    sources: tuple[sources.Source, ...]
    keys: tuple[tuple[str, str], ...]
    acquire: str


def host_apt() -> HostApt:
    """Read the host's sources, key rings and ``Acquire`` settings through ``apt-config``."""
    settings = dict(_settings())
    listed, parts = Path(settings.pop("sourcelist")), Path(settings.pop("sourceparts"))
    files = [listed, *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]
    dump = run([find_program("apt-config"), "dump", "--no-empty", "--format", '%F "%v";%n']).stdout
    kept = (line for line in dump.splitlines() if _is_network_setting(line))
    return HostApt(
        sources.read(files), tuple(settings.items()), "".join(f"{line}\n" for line in kept)
    )


def _is_network_setting(line: str) -> bool:
    ours = ("Acquire::IndexTargets::", "Acquire::Languages", "Acquire::Changelogs::")
    return line.startswith("Acquire::") and not line.startswith(ours)


def _settings() -> Iterator[tuple[str, str]]:
    keys = {
        "sourcelist": "f",
        "sourceparts": "d",
        "trusted": "f",
        "trustedparts": "d",
        "netrc": "f",
        "netrcparts": "d",
    }
    asked = [word for key, kind in keys.items() for word in (key, f"Dir::Etc::{key}/{kind}")]
    for line in run([find_program("apt-config"), "shell", *asked]).stdout.splitlines():
        key, _, value = line.partition("=")
        yield key, value.strip("'")
