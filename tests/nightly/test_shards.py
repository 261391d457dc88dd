"""Every job is in one shard, on whatever machine; shards come together as one night."""

from hypothesis import given
from hypothesis import strategies as st

from harness.nightly import night_run
from harness.nightly.host_capacity import Capacity
from harness.nightly.job_identity import NightOrigin
from harness.nightly.night_job import Job, JobResult
from harness.nightly.night_run import OTHER_SHARD, NightTeller, ThisHost, plan_night, run_night
from harness.nightly.shards import Shard
from harness.store.merging import merge_stores
from harness.store.night_view import view_night
from harness.store.store import Store

NAMES = st.lists(st.text("abc-", min_size=1, max_size=6), unique=True, max_size=20)


def job(name):
    return Job(name, ("--name", name), 1, 64)


@given(NAMES, st.integers(1, 8), st.randoms(use_true_random=False))
def test_every_job_is_in_one_shard_whatever_the_order(names, parts, chance):
    jobs = [job(name) for name in names]
    other = chance.sample(jobs, len(jobs))
    shares = [Shard(number, parts).share(jobs) for number in range(1, parts + 1)]
    again = [Shard(number, parts).share(other) for number in range(1, parts + 1)]
    assert sorted(one.name for share in shares for one in share) == sorted(names)
    assert [set(share) for share in shares] == [set(share) for share in again]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def fleet(jobs, folder, limits, watcher):
    for one in jobs:
        watcher.ended(JobResult(one, 0, 1.0, folder, {"verdict": "agree", "steps": 1}))
    return {}


def test_the_shards_of_a_night_become_the_whole_night(tmp_path, monkeypatch):
    monkeypatch.setattr(night_run, "run_fleet", fleet)
    jobs = [job(name) for name in "abcde"]
    teller = NightTeller(lambda job: None, lambda result: None)
    for number in (1, 2):
        shard = Shard(number, 2)
        with Store(tmp_path / f"{number}", make=True) as store:
            origin = NightOrigin("night", "m", "s", "h")
            plan = plan_night(store, jobs, origin, "", shard, named=True)
            place = ThisHost(tmp_path, Capacity(2, 10_000), plan.forecast)
            left = run_night(store, plan, place, None, teller)
            mine = {one.name for one in shard.share(jobs)}
            assert set(left) == {one.name for one in jobs} - mine
            assert set(left.values()) == {OTHER_SHARD}
    with Store(tmp_path / "all", make=True) as store:
        merge_stores(store, [tmp_path / "1", tmp_path / "2"])
        view = view_night(store)
        assert [run.job for run in view.runs] == list("abcde")
        assert view.changes == ()
