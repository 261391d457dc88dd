"""The report of ``doctor``: lines for a terminal, and a JSON value."""

from collections.abc import Iterator
from dataclasses import asdict

from harness.run.host_health import Health

_WIDTH = 60


def doctor_lines(health: Health) -> Iterator[str]:
    """The report, with the line that installs what is missing."""
    yield f"kmap-harness {health.version}"
    for one in health.programs:
        found = one.version[:_WIDTH] or f"MISSING, needed for {one.needed_for}"
        yield f"program      {one.name:20} {found}"
    for trial in health.accelerators:
        state = {True: "works", False: "does not work", None: "unknown"}[trial.works]
        yield f"accelerator  {trial.name:20} {state}: {trial.why.splitlines()[0]}"
    yield f"cache        {health.cache}: {_mib(health.cache_bytes)} of {_mib(health.limit_bytes)}"
    yield f"disk         {_mib(health.free_bytes)} are free there"
    if health.missing:
        packages = " ".join(dict.fromkeys(one.package for one in health.missing))
        yield "to install what is missing, as root:"
        yield f"  apt-get install --no-install-recommends {packages}"
    yield "fit          " + ("yes" if health.fit else "NO: the harness cannot work here")


def doctor_value(health: Health) -> dict[str, object]:
    """The report as JSON."""
    missing = [one.package for one in health.missing]
    return {**asdict(health), "cache": str(health.cache), "missing": missing, "fit": health.fit}


def _mib(size: int) -> str:
    return f"{size >> 20} MiB"
