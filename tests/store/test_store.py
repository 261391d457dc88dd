"""The store: each result once, whole or not at all, in a file that is checked and migrated."""

import sqlite3
import threading

import pytest

from harness.errors import InfrastructureError, UsageError
from harness.store import store_schema
from harness.store.store import Store
from harness.store.store_file import DamagedStoreError, NoStoreError
from harness.store.store_records import PlannedJob, StoredNight

from .sample_runs import run

NIGHT = StoredNight("one", "2026-01-01T22:00:00+00:00", "", "kmap-harness nightly")


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store.sqlite", make=True) as opened:
        opened.begin(NIGHT, [PlannedJob("one/k-smp1", "k-smp1"), PlannedJob("x", "k-smp2")])
        yield opened


def test_what_is_added_is_found_again_after_the_file_is_opened_anew(store):
    one = run("one", "k-smp1", "diverge", "pkmap-wait", "local-prot")
    assert store.add(one)
    with Store(store.path) as again:
        assert again.runs() == again.runs("one", "k-smp1") == (one,)
        assert again.runs("two") == again.runs(job="other") == ()
        assert again.report(one.key) == one.report
        assert again.nights() == (NIGHT,)
        assert again.keys() == {one.key}


def test_a_key_that_is_there_is_left_as_it_is(store):
    first, second = run(), run(verdict="diverge")
    assert store.add(first)
    assert not store.add(second)
    assert store.runs() == (first,)


def test_many_writers_at_once_add_each_result_once(store):
    """Each with a connection of its own, as processes have; all offer the same keys."""
    added = []

    def write():
        with Store(store.path) as own:
            offers = {number: run(key=f"k{number}", job=f"j{number}") for number in range(20)}
            added.extend(number for number, offer in offers.items() if own.add(offer))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(added) == list(range(20))
    assert len(store.runs()) == 20


def test_a_result_without_a_night_is_refused_whole(store):
    with pytest.raises(InfrastructureError):
        store.add(run("nowhere", verdict="diverge", findings=()))
    assert store.runs() == ()


def test_why_a_job_was_left_out_is_kept_and_its_plan_is_not_doubled(store):
    store.begin(NIGHT, [PlannedJob("x", "k-smp2")])
    store.end("one", "later", {"x": "no time was left"})
    assert [one.left_out for one in store.planned("one")] == ["", "no time was left"]
    store.end("one", "later still", {})
    assert [one.left_out for one in store.planned("one")] == ["", ""]
    assert store.nights()[0].ended == "later still"


def test_the_mean_time_of_a_job_and_of_a_suite_is_known(store):
    store.add(run(key="a", seconds=1.0))
    store.add(run(key="b", seconds=3.0))
    assert store.seconds() == {"k-smp1": 2.0, "conformance": 2.0}


# -- the file


def test_a_store_that_is_not_there_is_made_only_for_who_writes(tmp_path):
    with pytest.raises(NoStoreError, match="there is no store"):
        Store(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"text", b"\0" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(NoStoreError, match="is no store"):
        Store(path, make=True)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_alone(tmp_path):
    path = tmp_path / "other"
    sqlite3.connect(path).execute("CREATE TABLE theirs (x)").connection.close()
    before = path.read_bytes()
    with pytest.raises(NoStoreError, match="another program"):
        Store(path, make=True)
    assert path.read_bytes() == before


def test_a_store_of_a_newer_harness_is_refused(store):
    sqlite3.connect(store.path).execute("PRAGMA user_version = 99").connection.close()
    with pytest.raises(UsageError, match="has version 99"):
        Store(store.path)


def test_a_damaged_store_says_so(store):
    for number in range(200):
        store.add(run(key=f"k{number}"))
    store.__exit__()
    with store.path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 2 * 4096)
    with pytest.raises(DamagedStoreError, match="is damaged"):
        Store(store.path)


def test_an_older_store_is_migrated_and_keeps_what_it_has(store, monkeypatch):
    one = run()
    store.add(one)
    more = ("CREATE TABLE later (x)", "ALTER TABLE run ADD COLUMN more TEXT NOT NULL DEFAULT 'm'")
    monkeypatch.setattr(store_schema, "MIGRATIONS", (*store_schema.MIGRATIONS, more))
    monkeypatch.setattr(store_schema, "NEWEST", store_schema.NEWEST + 1)
    database = sqlite3.connect(store.path, isolation_level=None)
    store_schema.migrate(database)
    assert store_schema.number_in(database, "user_version") == store_schema.NEWEST
    assert database.execute("SELECT more FROM run").fetchall() == [("m",)]
    assert store.runs() == (one,)


def test_a_migration_that_fails_leaves_the_version_before(store, monkeypatch):
    broken = ("CREATE TABLE half (x)", "no SQL")
    monkeypatch.setattr(store_schema, "MIGRATIONS", (*store_schema.MIGRATIONS, broken))
    monkeypatch.setattr(store_schema, "NEWEST", store_schema.NEWEST + 1)
    database = sqlite3.connect(store.path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        store_schema.migrate(database)
    assert store_schema.number_in(database, "user_version") == store_schema.NEWEST - 1
    tables = database.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall()
    assert tables == []
