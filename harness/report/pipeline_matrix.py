"""The shards of a night as the matrix of a CI system."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.nightly.shards import Shard


def _github(shards: Sequence[Shard]) -> str:
    """For ``strategy.matrix`` with ``fromJSON``."""
    return json.dumps({"shard": [str(one) for one in shards]})


def _gitlab(shards: Sequence[Shard]) -> str:
    """For ``include`` in a child pipeline: jobs that extend ``.nightly-shard``."""
    names = ", ".join(json.dumps(str(one)) for one in shards)
    lines = (
        "nightly-shard:",
        "  extends: .nightly-shard",
        "  parallel:",
        "    matrix:",
        f"      - SHARD: [{names}]",
    )
    return "\n".join(lines)


PIPELINE_FORMATS: Final[Mapping[str, Callable[[Sequence[Shard]], str]]] = {
    "github": _github,
    "gitlab": _gitlab,
}
