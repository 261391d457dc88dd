"""Checks of one patch, of a series at once, or of a series patch by patch."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from harness.base.cache import Cache
from harness.base.progress import Progress
from harness.check.cell import Cell
from harness.check.check_request import CheckRequest, KernelBuilder
from harness.check.check_result import CheckResult
from harness.check.checking import BaseRun, Check
from harness.check.judging import JudgeFactory, Judgement, KernelJudge
from harness.patch.scratch import Scratch, open_clone, open_scratch


def run_check(
    request: CheckRequest,
    builder: KernelBuilder,
    progress: Progress,
    helper: Executor | None = None,
    *,
    each: bool = False,
) -> tuple[CheckResult, ...]:
    """Check all patches of *request* at once, or with *each* one after the other.

    *helper* drives a second guest.  A second check of the same tree waits for the first one.
    Raises UsageError for a tree or a revision that does not exist, and InfrastructureError.
    """
    judging = partial(KernelJudge, helper=helper)
    with _opened(request) as scratch:
        if each:
            return tuple(_each(request, builder, scratch, progress, judging))
        return (Check(request, builder, scratch, progress, judging).result(),)


def prepare_bases(
    request: CheckRequest,
    builder: KernelBuilder,
    progress: Progress,
    helper: Executor | None = None,
) -> tuple[tuple[Cell, BaseRun], ...]:
    """Build and judge the base in each cell, for later checks.  Raises as ``run_check``."""
    with _opened(request) as scratch:
        judging = partial(KernelJudge, helper=helper)
        return tuple(Check(request, builder, scratch, progress, judging).bases())


def _opened(request: CheckRequest) -> AbstractContextManager[Scratch]:
    cache = Cache.default()
    if request.kernel:
        return open_clone(request.kernel, cache)
    return open_scratch(request.tree, cache)


def _each(
    request: CheckRequest,
    builder: KernelBuilder,
    scratch: Scratch,
    progress: Progress,
    judging: JudgeFactory,
) -> Iterator[CheckResult]:
    """Compare each patch with the kernel that has all patches before it.

    A patch that cannot be judged ends the series.
    """
    prior: Mapping[tuple[str, str], Judgement] = {}
    for number in range(1, len(request.patches) + 1):
        out = request.out / f"patch-{number}"
        part = replace(request, patches=request.patches[:number], out=out)
        result = Check(part, builder, scratch, progress, judging, prior).result()
        yield replace(result, patches=result.patches[-1:])
        prior = {(one.config, one.machine): one.patched for one in result.configs if one.patched}
        if any(one.failure and not one.left_out for one in result.configs):
            return
