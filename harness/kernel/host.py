"""What the host says of itself: its architecture and its apt configuration, only ever read."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.kernel import sources
from harness.kernel.programs import find


@dataclass(frozen=True, slots=True)
class HostApt:
    """What of the host's apt configuration the private states take over."""

    sources: tuple[sources.Source, ...]
    keys: tuple[tuple[str, str], ...]
    acquire: str


def run(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with messages in English and its output captured; its status is the caller's to judge."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@cache
def host_architecture() -> str:
    """The architecture that this host runs, in the words of dpkg, as ``amd64``."""
    return run([find("dpkg"), "--print-architecture"]).stdout.strip()


def host_apt() -> HostApt:
    """Read the host's sources, key rings and ``Acquire`` settings through ``apt-config``."""
    settings = dict(_settings())
    listed, parts = Path(settings.pop("sourcelist")), Path(settings.pop("sourceparts"))
    files = [listed, *sorted(parts.glob("*.list")), *sorted(parts.glob("*.sources"))]
    dump = run([find("apt-config"), "dump", "--no-empty", "--format", '%F "%v";%n']).stdout
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
    for line in run([find("apt-config"), "shell", *asked]).stdout.splitlines():
        key, _, value = line.partition("=")
        yield key, value.strip("'")
