"""Guests restored from a template: the same machine each time, with the same verdicts."""

import os
import re
from dataclasses import replace
from random import Random

import pytest

from harness.base.cache import Cache
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import RunJudge as JudgeSession
from harness.compare.trace_diff import compare_traces
from harness.guest import template as template_module
from harness.guest.failure import GuestCrashedError
from harness.guest.guest_pool import GuestPool
from harness.guest.memory import PrivateMapping
from harness.guest.protocol import PROBES
from harness.guest.shape import Shape
from harness.guest.template import BOOTS, GuestParts, evict, find_template, start, template_key
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import PageKind
from harness.run.program_run import RunContext, run_program
from harness.scenario import generate as generate_module
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate
from harness.trace.trace_records import Header
from tests.guest.test_guest import agrees_with_witness, exercise, make_trouble
from tests.model.judged import check

pytestmark = pytest.mark.guest

RESTORES = int(os.environ.get("KMAP_HARNESS_TEST_RESTORES", "20"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="module")
def parts(pae):
    return GuestParts(pae.kernel, Shape(smp=2), pae.module, pae.agent)


def folder(tmp_path, name):
    path = tmp_path / name
    path.mkdir()
    return path


def test_a_guest_that_a_busy_host_left_without_its_timer_is_not_kept(parts, tmp_path, monkeypatch):
    boots = []
    monkeypatch.setattr(template_module, "TIMERLESS", "")  # any console has that
    monkeypatch.setattr(
        GuestParts,
        "boot",
        lambda parts, workdir, boot=GuestParts.boot: boots.append(1) or boot(parts, workdir),
    )
    empty = Cache(tmp_path / "cache")
    with start(parts, folder(tmp_path, "guest"), empty) as guest:
        assert guest.info()[0].online_cpus == 2
    assert find_template(parts, empty) is None
    assert len(boots) == BOOTS


def judged(guest, programs):
    """Header and records of *programs*, and what the judge says."""
    layout, facts = guest.info()
    evidence = (facts.evidence & ~PROBES) | guest.probes(facts.evidence & PROBES)
    header = Header(facts.release, facts.build, "", layout, int(evidence), 0)
    session, records = JudgeSession(header, our_known_bugs(), check), []
    sitting = RunContext(guest, session, records.append, lambda _: None)
    for program in programs:
        assert run_program(sitting, program).failure is None
    return header, records, session.result()


def test_the_same_observations_with_and_without(parts, cache, tmp_path, monkeypatch):
    """With one task nothing depends on who comes first."""
    monkeypatch.setattr(generate_module, "default_tasks", lambda facts: (0,))
    with parts.boot(folder(tmp_path, "boot")) as guest:
        facts = Facts(guest.info()[0])
        programs = [
            generate(facts, Random(seed), Wishes(1500, exhaust=False), name=f"p{seed}")
            for seed in (1, 2)
        ]
        booted = judged(guest, programs)
    with start(parts, folder(tmp_path, "restore"), cache) as guest:
        assert isinstance(guest.session.memory.store, PrivateMapping)
        restored = judged(guest, programs)
    difference = compare_traces(booted[:2], restored[:2])
    assert difference.steps == ()
    assert difference.compared == sum(len(program.operations) for program in programs)
    assert (booted[2].verdict, booted[2].steps) == (restored[2].verdict, restored[2].steps)


HOST_IS_BUSY = "hrtimer: interrupt took"
"""printk_once of hrtimer_interrupt(): the host has withheld a CPU for some milliseconds."""

SPEAK = [
    Operation(OpCode.KMAP_LOCAL, page=0, reg=0),
    Operation(OpCode.KMAP_LOCAL, page=1, reg=1),
    Operation(OpCode.KMAP_TO_PAGE, reg=1),
    Operation(OpCode.KUNMAP_LOCAL, reg=1),
    Operation(OpCode.KUNMAP_LOCAL, reg=0),
]
"""kmap_to_page of a local mapping, but CPU 0's first, warns once, and so tells the kernel's clock
(__kmap_to_page(), 6.1).
"""


def clock(lines):
    """Seconds since boot, as the last of *lines* tells them."""
    return max(float(found[1]) for line in lines if (found := re.match(r"\[ *(\d+\.\d+)\]", line)))


def quiet(guest):
    return [line for line in guest.session.console.tail(9) if HOST_IS_BUSY not in line]


def test_many_restores_in_a_row(parts, cache, tmp_path):
    """No failure, no kernel message, no jump of the guest's clock."""
    start(parts, folder(tmp_path, "first"), cache).close()
    template = find_template(parts, cache)
    saved = clock((template.folder / "console.log").read_text().splitlines())
    with GuestPool(template, tmp_path / "pool") as pool:
        for number in range(RESTORES):
            with pool.take() as guest:
                assert [step.step for step in exercise(guest, 2)] == list(range(8)), number
                agrees_with_witness(guest)
                assert (guest.troubles(), quiet(guest)) == ((), [])
                guest.await_console(guest.run(SPEAK)[2].step)
                assert saved < clock(guest.session.console.tail(40)) < saved + 30


def test_restored_guests_do_not_meet(parts, cache, tmp_path):
    memory = None
    with (
        start(parts, folder(tmp_path, "a"), cache) as first,
        start(parts, folder(tmp_path, "b"), cache) as second,
    ):
        memory = (find_template(parts, cache).folder / "memory").stat().st_mtime_ns
        exercise(first, 20)
        assert not any(second.snapshot().ptes)
        exercise(second, 5)
    assert (find_template(parts, cache).folder / "memory").stat().st_mtime_ns == memory


def test_a_panic_after_a_restore_can_be_read(pae, cache, tmp_path):
    shape = Shape(smp=1, extra=("kmh.params=mode=panic",))
    parts = GuestParts(pae.kernel, shape, pae.module, pae.agent)
    with start(parts, tmp_path, cache) as guest:
        guest.info()
        exercise(guest, 5)
        with pytest.raises(GuestCrashedError, match="made on purpose"):
            make_trouble(guest, pae)
        assert guest.steps_ahead() == 0


def test_the_key_has_everything(parts, tmp_path, monkeypatch):
    keys = {template_key(parts)}
    module = tmp_path / "module.ko"
    module.write_bytes(parts.module.read_bytes() + b"\0")
    for other in (
        parts._replace(module=module),
        parts._replace(agent=module),
        parts._replace(shape=replace(parts.shape, memory=512)),
        parts._replace(shape=replace(parts.shape, extra=("x=1",))),
        parts._replace(kernel=replace(parts.kernel, content_hash="another")),
    ):
        keys.add(template_key(other))
    monkeypatch.setattr(template_module, "emulator", lambda _: "another")
    keys.add(template_key(parts))
    assert len(keys) == 7


def test_the_least_recently_used_goes_first(tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    for age, name in enumerate(("new", "kept", "old")):
        home = cache.folder("templates", name)
        (home / "memory").write_bytes(bytes(600 << 10))
        (home / "template.json").write_text("{}")
        os.utime(home / "template.json", (1000 - age, 1000 - age))
    monkeypatch.setenv(template_module.LIMIT, "1")
    evict(cache, keep=cache.root / "templates" / "kept")
    assert [path.name for path in (cache.root / "templates").iterdir()] == ["kept"]


def frames(guest):
    return [page.pfn for page in guest.pool(PageKind.HIGH, 64)]


@pytest.fixture
def unsettled(monkeypatch):
    """Templates that are not left alone first: no clock is judged in these tests."""
    monkeypatch.setattr(template_module, "SETTLE_SECONDS", 0.2)


def test_variants_have_other_frames(parts, cache, tmp_path, unsettled):
    """Each variant is a start of its own, the same one at every restore."""
    found = []
    for name, variant in (("a", 0), ("b", 1), ("c", 1)):
        one = parts._replace(shape=replace(parts.shape, variant=variant))
        with start(one, folder(tmp_path, name), cache) as guest:
            found.append(frames(guest))
    plain, shifted, again = found
    assert shifted == again
    # Two boots free some frames in another order, so that a few may occur in both pools.
    assert sum(one != other for one, other in zip(plain, shifted, strict=True)) > len(plain) // 2


KASLR_TRIES = 4
"""A kernel may be moved by nothing: one time in 200."""


def test_a_template_with_kaslr(parts, cache, tmp_path, unsettled):
    """Its restores have its addresses, and they are read from it."""
    with start(parts, folder(tmp_path, "fixed"), cache) as guest:
        fixed = guest.info()[1].text_anchor
    anchors = {fixed}
    for variant in range(KASLR_TRIES):
        shape = Shape(kaslr=True, memory=1536, highmem=None, variant=variant)
        for number in range(2):
            with start(
                parts._replace(shape=shape), folder(tmp_path, f"{variant}-{number}"), cache
            ) as guest:
                assert isinstance(guest.session.memory.store, PrivateMapping)
                anchors.add(guest.info()[1].text_anchor)
                exercise(guest, 20)
                agrees_with_witness(guest)
        assert len(anchors) <= variant + 2
        if len(anchors) > 1:
            return
    pytest.fail("the kernel never moved")
