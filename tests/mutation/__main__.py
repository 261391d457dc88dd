"""Mutation testing of harness/model: ``ci/mutation [--fresh] [--jobs N] [MODULE ...]``.

Every mutant is tried with the tests that call its function, the quickest first, until one
fails.  Verdicts are kept in .mutation/: a kill as long as the function and the test file are the
same, a survival as long as no test file is new.  ``--fresh`` forgets all.
Exit status 1 if a mutant survives that tests/mutation/survivors does not list, or if a mutant that
it lists is dead.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from tests.mutation import suite
from tests.mutation.operators import MODULES, Source
from tests.mutation.record import Results, survivors
from tests.mutation.work import Job


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="ci/mutation", description="Mutation testing of harness/model."
    )
    parser.add_argument("modules", nargs="*", help="modules of harness/model (all)")
    parser.add_argument("--fresh", action="store_true", help="forget earlier verdicts")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--show", action="store_true", help="only tell what is known, try nothing")
    return parser.parse_args()


def _in_child(work: object, *arguments: object) -> int:
    child = os.fork()
    if not child:
        try:
            work(*arguments)  # type: ignore[operator] # chosen by the caller
        except BaseException as error:
            print(f"mutation: {error!r}", file=sys.stderr)
            os._exit(3)
        os._exit(0)
    return child


def _wait(children: Sequence[int]) -> None:
    if any(os.waitpid(child, 0)[1] for child in children):
        sys.exit("mutation: a worker has failed")


def _measure(job: Job, *, fresh: bool) -> None:
    status = suite.with_tests(lambda items: job.measure(items, fresh=fresh))
    if status:
        raise SystemExit(status)


def _worker(sources: dict[str, Source], mutants: Sequence, number: int, jobs: int) -> None:
    """Mutants in functions first, in a child that has the tests; then those that need a fresh
    import.
    """
    share = mutants[number::jobs]
    job = Job(sources, share, Results(fresh=False))

    def warm(items: Sequence) -> None:
        job.measure(items, fresh=False)
        job.in_functions(items)

    _wait([_in_child(suite.with_tests, warm)])
    _load_measures(job)
    job.results = Results(fresh=False)
    job.in_modules()


def _load_measures(job: Job) -> None:
    """Measurements without a collection: nothing of the model may be imported here."""
    from tests.mutation.record import Measures, file_of, test_files  # noqa: PLC0415

    measures = Measures(fresh=False)
    job.files = test_files(
        {file_of(test) for test in measures.known if (suite.ROOT / file_of(test)).exists()}
    )
    for test in measures.known:
        known = measures.get(test, job.files.get(file_of(test), ""))
        if known is not None:
            job.measured[test] = known


def _report(sources: dict[str, Source], results: Results) -> int:
    reasons = {survivor.key: survivor.reason for survivor in survivors()}
    keys = {mutant.key for source in sources.values() for mutant in source.mutants}
    words = {key: results.by_key[key]["word"] for key in keys if key in results.by_key}
    print(
        f"{'module':18} {'mutants':>8} {'killed':>8} {'timeout':>8} "
        f"{'equal':>8} {'survived':>8} {'untried':>8}"
    )
    total = [0] * 6
    for name, source in sources.items():
        mine = [mutant.key for mutant in source.mutants]
        told = [words.get(key, "untried") for key in mine]
        equal = sum(1 for key in mine if words.get(key) == "survived" and key in reasons)
        row = [
            len(mine), told.count("killed"), told.count("timeout"), equal,
            told.count("survived") - equal, told.count("untried"),
        ]  # fmt: skip
        total = [a + b for a, b in zip(total, row, strict=True)]
        print(f"{name:18} " + " ".join(f"{number:8}" for number in row))
    print(f"{'all':18} " + " ".join(f"{number:8}" for number in total))
    unlisted = sorted(key for key in keys if words.get(key) == "survived" and key not in reasons)
    dead = sorted(
        key
        for key in reasons
        if key.split(".", 1)[0] in sources and words.get(key, "gone") != "survived"
    )
    for key in unlisted:
        print(f"survived: {key}")
    for key in dead:
        print(f"listed, but {words.get(key, 'gone')}: {key}")
    return 1 if unlisted or dead or total[5] else 0


def main() -> int:
    """Try the mutants and tell."""
    arguments = _arguments()
    wanted = arguments.modules or sorted(MODULES)
    if unknown := set(wanted) - set(MODULES):
        sys.exit(f"mutation: no such module in harness/model: {', '.join(sorted(unknown))}")
    sources = {name: Source(name, MODULES[name].read_text()) for name in wanted}
    results = Results(fresh=arguments.fresh)
    if not arguments.show:
        mutants = [mutant for source in sources.values() for mutant in source.mutants]
        measuring = Job(sources, (), results)
        _wait([_in_child(lambda: _measure(measuring, fresh=arguments.fresh))])
        jobs = range(arguments.jobs)
        _wait([_in_child(_worker, sources, mutants, number, arguments.jobs) for number in jobs])
    return _report(sources, Results(fresh=False))


if __name__ == "__main__":
    sys.exit(main())
