import json

import pytest

from harness.errors import UsageError
from harness.report.score_table import read_scores, table_lines


def mutant(name, kind, found, where="", what="", *, as_wanted=True):
    return {
        "name": name,
        "kind": kind,
        "found": found,
        "where": where,
        "what": what,
        "as_wanted": as_wanted,
    }


def written(path, kernel, *mutants):
    path.write_text(json.dumps({"kernel": kernel, "mutants": mutants}))
    return path


def test_the_sums_by_kind_and_what_reported_each(tmp_path):
    old = written(
        tmp_path / "old.json",
        "6.1-pae",
        mutant(
            "pkmap/one", "contract", "contract", "pkmap-wait step 5 (KUNMAP)", "asleep: for ever"
        ),
        mutant("pkmap/two", "contract", "nothing", as_wanted=False),
        mutant(
            "local/four",
            "contract",
            "contract",
            "b after step 7",
            "b:9 step 8: a: x: the guest fell silent in",
        ),
        mutant(
            "harmless/three", "harmless", "contract", "x step 1", "users: odd", as_wanted=False
        ),
    )
    again = written(
        tmp_path / "again.json",
        "6.1-pae",
        mutant(
            "harmless/three", "harmless", "behaviour changed", "pkmap-wrap step 9", "slot, cursor"
        ),
    )
    other = written(
        tmp_path / "other.json",
        "5.10-pae",
        mutant("pkmap/one", "contract", "does not boot", "boot"),
    )
    assert list(table_lines(read_scores([old, again, other]))) == [
        "| kernel | kind | mutants | reported | survivors | false alarms |",
        "|---|---|---|---|---|---|",
        "| 6.1-pae | contract | 3 | 2 | 1 | |",
        "| 6.1-pae | harmless | 1 | 1 as changed behaviour | | 0 |",
        "| 5.10-pae | contract | 1 | 1 | 0 | |",
        "",
        "| mutant | kind | 6.1-pae | 5.10-pae |",
        "|---|---|---|---|",
        "| pkmap/one | contract | asleep (pkmap-wait) | does not boot |",
        "| pkmap/two | contract | nothing |  |",
        "| local/four | contract | the guest fell silent (b) |  |",
        "| harmless/three | harmless | behaviour changed: slot, cursor (pkmap-wrap) |  |",
    ]


def test_a_file_that_is_no_score_is_named(tmp_path):
    (tmp_path / "odd.json").write_text("[]")
    with pytest.raises(UsageError, match=r"odd\.json is no kill score"):
        read_scores([tmp_path / "odd.json"])
