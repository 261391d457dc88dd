"""Stores of shards become one, in any order, and again."""

from harness.store.merging import Merged, merge_stores
from harness.store.night_view import view_night
from harness.store.store import Store
from harness.store.store_records import PlannedJob, StoredNight

from .sample_runs import run

PLAN = [PlannedJob(f"one/{job}", job) for job in "abc"]


def shard(folder, name, *jobs, began="2026-01-01T22:00:00+00:00"):
    path = folder / name
    with Store(path, make=True) as store:
        store.begin(StoredNight("one", began), PLAN)
        for job in jobs:
            store.add(run("one", job))
        rest = {one.key: "another shard has it" for one in PLAN if one.job not in jobs}
        store.end("one", "2026-01-01T23:00:00+00:00", rest)
    return path


def test_shards_become_one_night(tmp_path):
    first, second = shard(tmp_path, "1", "a"), shard(tmp_path, "2", "b", "a")
    with Store(tmp_path / "all", make=True) as store:
        assert merge_stores(store, [first, second]) == Merged(2, 1)
        assert [one.job for one in store.runs()] == ["a", "b"]
        assert store.report("one/a") == {"verdict": "agree", "steps": 7}
        assert {one.job: one.left_out for one in store.planned("one")} == {
            "a": "",
            "b": "",
            "c": "another shard has it",
        }
        assert merge_stores(store, [second, first]) == Merged(0, 3)
        assert [one.subject for one in view_night(store).changes] == ["c"]


def test_nights_are_in_the_order_in_which_they_began(tmp_path):
    late = tmp_path / "late"
    with Store(late, make=True) as store:
        store.begin(StoredNight("two", "2026-01-02T22:00:00+00:00"), [])
    with Store(tmp_path / "all", make=True) as store:
        merge_stores(store, [late, shard(tmp_path, "1", "a")])
        assert [one.name for one in store.nights()] == ["one", "two"]
