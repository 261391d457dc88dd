"""Wrong use: one message with the place and a remedy, exit 2, nothing half-written, no traceback.

Each message was seen as an internal error or a traceback first, or is provoked by the input
itself.
"""

import gzip
import os

import pytest

from harness.cli import main as main_module

GOOD = "title: one\ntasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n"


def refused(answer, *texts):
    """Exit 2; one message on stderr with *texts* and a hint; nothing else said."""
    assert answer.code == 2, answer
    message, _, hint = answer.err.partition("\n  hint: ")
    assert message.startswith("kmap-harness: ")
    assert "\n" not in message
    assert hint.strip()
    assert "Traceback" not in answer.err
    assert not answer.out
    for text in texts:
        assert text in answer.err
    return True


def test_a_kernel_that_is_not_known_names_those_near_it(harness):
    assert refused(
        harness("run", "--kernel", "debian-6.1-686-pea"), "did you mean debian-6.1-686-pae"
    )


def test_a_scenario_that_is_not_there(harness):
    assert refused(harness("run", "--scenario", "nope.kmap"), "nope.kmap", "tests/scenarios")
    assert not list(harness.place.iterdir())


def test_a_folder_without_scenarios(harness, tmp_path):
    (tmp_path / "empty").mkdir()
    assert refused(harness("run", "--scenario", tmp_path / "empty"), str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (GOOD.replace("= kmap ", "= kmapp "), ":4:9:", "did you mean kmap"),
        (GOOD.replace("high 1", "hihg 1"), ":3:8:", "high"),
        ("", ":1:1:", "the scenario is empty"),
        ("# only a comment\n", ":", "the scenario is empty"),
        ("title: x\ntasks: a@0\npages: high 1\n", ":", "the scenario is empty"),
    ],
)
def test_a_scenario_with_an_error_points_at_it(harness, text, place, words):
    path = harness.place / "own.kmap"
    path.write_text(text)
    assert refused(harness("run", "--scenario", path), f"own.kmap{place}", words)
    assert list(harness.place.iterdir()) == [path]


def test_a_scenario_that_is_no_text(harness):
    (harness.place / "own.kmap").write_bytes(b"\xff\xfe\x00")
    assert refused(harness("run", "--scenario", "own.kmap"), "own.kmap", "UTF-8")


def test_nothing_to_run(harness):
    (harness.place / "own.kmap").write_text(GOOD)
    assert harness("run", "--steps", "-1").code == 2


@pytest.mark.parametrize("below", ["", "cache"])
def test_a_cache_that_cannot_be_written(harness, regular_file, below):
    answer = harness("run", KMAP_HARNESS_CACHE=regular_file / below if below else regular_file)
    assert refused(answer, "the cache", "cannot be written", "KMAP_HARNESS_CACHE")


def test_a_cache_in_a_place_where_nothing_can_be_made(harness):
    assert refused(
        harness("run", KMAP_HARNESS_CACHE="/proc/kmap-harness"), "the cache /proc/kmap-harness"
    )


@pytest.mark.parametrize("word", ["smp=x", "smp=", "wings=2", "wire=pigeon", "accel=steam"])
def test_a_shape_that_is_none(harness, word):
    assert refused(harness("run", "--shape", word), repr(word), "smp=N")
    assert refused(harness("nightly", "--shape", word), repr(word), "smp=N")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--smp", "33"), "1 to 32 CPUs"),
        (("--smp", "0"), "1 to 32 CPUs"),
        (("--memory", "10"), "64 to 16384 MiB"),
        (("--shape", "memory=128,highmem=100"), "72 MiB are left"),
    ],
)
def test_a_machine_that_cannot_be(harness, arguments, words):
    assert refused(harness("run", *arguments), words)


@pytest.mark.parametrize("option", ["--json", "--trace"])
def test_a_result_that_cannot_be_written_is_said_before_the_work(harness, regular_file, option):
    assert refused(
        harness("run", option, regular_file / "x"), str(regular_file / "x"), "cannot be written"
    )


def test_an_output_folder_that_cannot_be_made(harness, regular_file):
    for command in ("run", "nightly"):
        assert refused(harness(command, "--out", regular_file / "x"), "cannot be written")


def test_a_device_given_for_a_result_stays(harness):
    """Was removed by the check that it can be written."""
    path = harness.place / "null"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        harness("run", "--json", path, "--kernel", "nope")
    finally:
        os.close(reader)
    assert path.is_fifo()


def test_a_kernel_image_without_its_build_folder(harness):
    (harness.place / "bzImage").touch()
    assert refused(harness("run", "--kernel", "bzImage"), "bzImage", "--build-dir DIR")


def test_a_build_folder_that_was_not_built(harness):
    (harness.place / "bzImage").touch()
    answer = harness("run", "--kernel", "bzImage", "--build-dir", ".")
    assert refused(answer, "cannot be read", "--build-dir is the folder")


@pytest.mark.parametrize("arguments", [("nofile", "."), ("bzImage", "nofolder")])
def test_a_kernel_or_folder_that_is_not_there(harness, arguments):
    (harness.place / "bzImage").touch()
    image, folder = arguments
    assert refused(harness("run", "--kernel", image, "--build-dir", folder), "there is no")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"noise" * 100,
        gzip.compress(b"{}"),
        gzip.compress(b'{"kmap-harness-trace": 99}\n'),
        b"\x1f\x8b",
    ],
    ids=["empty", "noise", "no-header", "newer", "cut"],
)
def test_a_file_that_is_no_trace(harness, content):
    path = harness.place / "own.trace"
    path.write_bytes(content)
    assert refused(harness("diff", path), "own.trace")
    assert refused(harness("diff", path, path), "own.trace")


def test_a_trace_that_is_not_there(harness):
    assert refused(harness("diff", "nope.trace"), "nope.trace", "run --trace FILE")
    assert refused(harness("diff", "."), "cannot be read")


def test_a_store_that_is_none(harness):
    path = harness.place / "base.json"
    path.write_text("{}")
    words = ("nightly", "--kernel", "debian-6.1-686-pae", "--store", path)
    assert refused(harness(*words), "base.json is no store", "give --store another file")
    assert path.read_text() == "{}"


@pytest.mark.parametrize("budget", ["60", "1d", "-1m", "m", "9999999h", "0s", "0.0h"])
def test_a_budget_that_is_none(harness, budget):
    answer = harness("nightly", f"--budget={budget}")
    assert refused(answer, "is no length of time", "90s, 60m or 1.5h")
    assert not list(harness.place.iterdir())


def test_a_night_on_a_kernel_that_is_not_known_starts_no_run(harness):
    answer = harness("nightly", "--kernel", "debian-6.1-686-pae", "--kernel", "nosuch")
    assert refused(answer, "no kernel is known as 'nosuch'")
    assert not list(harness.place.iterdir())


def test_a_matrix_that_is_not_there(harness):
    assert refused(harness("nightly", "--matrix", "nope.toml"), "nope.toml", "cannot be read")


def test_options_that_do_not_exist_and_commands_neither(harness):
    for arguments in (("run", "--bogus"), ("bogus",), ()):
        answer = harness(*arguments)
        assert answer.code == 2
        assert "Traceback" not in answer.err


def test_a_full_disk_where_no_room_expects_it(monkeypatch, capsys):
    """The last resort at the top level; cache, trace and results have messages of their own."""

    def full(words):
        raise OSError(28, "No space left on device", "/somewhere/console.log")

    monkeypatch.setattr(main_module, "application", full)
    with pytest.raises(SystemExit) as ended:
        main_module.main()
    assert ended.value.code == 2
    assert (
        "/somewhere/console.log: No space left on device\n  hint: free space"
        in capsys.readouterr().err
    )
