"""The report of a check as a mail: a plain-text reply to the patch, ready to send."""

import email.utils
import textwrap
from collections.abc import Iterator

from harness.base.project import NAME
from harness.check.check_result import CheckResult, ConfigResult, KernelFailure
from harness.check.comparison import PatchEffect
from harness.report.check_report import (
    LOST,
    behaviour_lines,
    comparison_lines,
    counts_words,
    verdict_words,
)

WIDTH = 72
_FAILING_MOST = 3


def mail_text(result: CheckResult) -> str:
    """Headers and body; the sender adds the addresses of mailing lists."""
    return "\n".join((*_headers(result), "", *mail_lines(result))) + "\n"


def _headers(result: CheckResult) -> Iterator[str]:
    subject = result.patches[0] if result.patches else "the changes of the tree"
    if result.author:
        yield f"To: {result.author}"
    yield f"Subject: Re: {' '.join(subject.split()).removeprefix('Re: ')}"
    yield f"Date: {email.utils.formatdate(localtime=True)}"
    if result.message_id:
        yield f"In-Reply-To: <{result.message_id}>"
        yield f"References: <{result.message_id}>"
    yield "MIME-Version: 1.0"
    yield "Content-Type: text/plain; charset=UTF-8"
    yield "Content-Transfer-Encoding: 8bit"


def mail_lines(result: CheckResult) -> Iterator[str]:
    """The body; only prose is folded, not the output of programs."""
    what = "this series" if len(result.patches) > 1 else "this patch"
    yield from _prose(f"Hi, I ran {NAME} on {what}, on top of {result.base}.")
    yield ""
    yield from _prose(f"Result: {verdict_words(result)}")
    for config in result.configs:
        yield ""
        yield from _config(config)
    yield ""
    yield from _prose(
        f"{NAME} runs kmap, kmap_atomic and kmap_local in a real i386 highmem kernel under QEMU, "
        f"one operation at a time, and compares each step with a reference model. "
        f"Seed {result.seed}."
    )


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _config(config: ConfigResult) -> Iterator[str]:
    patched = config.patched
    yield f"Config:    {config.config}" + (
        f" (.config {patched.config_hash[:12]})" if patched else ""
    )
    if patched:
        yield f"Kernel:    {patched.release} on {patched.machine}"
        yield f"QEMU:      {patched.command}"
    yield from _failure(config.failure) if config.failure else _comparisons(config)
    if config.reproduce:
        yield f"Reproduce: {config.reproduce}"


def _failure(failure: KernelFailure) -> Iterator[str]:
    yield f"Failed:    {failure.words}:"
    yield from (f"  {line}" for line in failure.lines)


def _comparisons(config: ConfigResult) -> Iterator[str]:
    yield f"Programs:  {counts_words(config)}"
    if config.lost_evidence:
        yield from _prose(f"No evidence from {', '.join(config.lost_evidence).lower()}: {LOST}.")
    yield from _failing(config)
    changed = [one for one in config.comparisons if one.change is PatchEffect.BEHAVIOUR_CHANGED]
    if changed:
        yield ""
        yield from behaviour_lines(changed, verbose=False)


def _failing(config: ConfigResult) -> Iterator[str]:
    kinds = (
        PatchEffect.NEWLY_FAILING,
        PatchEffect.CANNOT_JUDGE,
        PatchEffect.STILL_FAILING,
        PatchEffect.NEWLY_PASSING,
    )
    for kind in kinds:
        found = [one for one in config.comparisons if one.change is kind]
        for one in found[:_FAILING_MOST]:
            yield ""
            yield from comparison_lines(one)
            yield from _messages(
                one.patched.messages if one.patched and kind is PatchEffect.NEWLY_FAILING else ()
            )
        if len(found) > _FAILING_MOST:
            yield f"... and {len(found) - _FAILING_MOST} more {kind.value}"


def _messages(messages: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    for lines in messages[:1]:
        yield "    the kernel said:"
        yield from (f"      {line}" for line in lines)
