"""Restores: a process started for it, or taken from a pool, to the first judged step."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from harness.base.cache import Cache
from harness.bench.bench_error import BenchError
from harness.bench.subject import Subject
from harness.guest.guest_pool import GuestPool
from harness.guest.template import Template, find_template, start

SETTLE_SECONDS = 0.3
"""Until a process of the pool stands ready."""


def template_of(subject: Subject) -> Template:
    """The template of *subject*, made if need be."""
    with tempfile.TemporaryDirectory() as folder:
        start(subject.parts, Path(folder)).close()
    template = find_template(subject.parts, Cache.default())
    if template is None:
        raise BenchError(
            "this machine has no template", hint="without KASLR, and with TCG, it has"
        )
    return template


def restore(subject: Subject) -> Mapping[tuple[str, str], float]:
    """Find the template, restore it, judge a step; wall seconds, and QEMU's CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        with start(subject.parts, Path(folder)) as guest:
            up = time.monotonic() - started
            judged = subject.bench(guest).judge_one()
            return {
                ("restore", "s"): up,
                ("restore to first judged step", "s"): judged - started,
                ("restore cpu", "s"): guest.session.process.cpu_seconds(),
            }


def from_pool(subject: Subject, template: Template) -> Mapping[tuple[str, str], float]:
    """The same with a process that stands ready."""
    with tempfile.TemporaryDirectory() as folder, GuestPool(template, Path(folder)) as pool:
        time.sleep(SETTLE_SECONDS)
        started = time.monotonic()
        with pool.take() as guest:
            judged = subject.bench(guest).judge_one()
            return {("from pool to first judged step", "s"): judged - started}
