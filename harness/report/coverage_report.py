"""Lines and branches executed, in words."""

from collections import Counter
from collections.abc import Iterator

from harness.coverage.line_coverage import HTML, TEXT, LineCoverage, SourceLine


def coverage_lines(coverage: LineCoverage) -> Iterator[str]:
    """The sums of each file, what was missed, and how much is known to be out of reach."""
    total = Counter(line.file for line in coverage.lines)
    reached = Counter(line.file for line in coverage.reached)
    missed = Counter(line.file for line in coverage.missed)
    for name, lines in total.items():
        beyond = lines - reached[name] - missed[name]
        whole = f"{reached[name]} of {lines} lines with all branches"
        yield f"coverage    {name}: {whole}, {beyond} out of reach"
    yield from (f"  missed {_missed(line)}" for line in coverage.missed)
    yield f"            in full: {coverage.folder / TEXT}, {coverage.folder / HTML}"


def _missed(line: SourceLine) -> str:
    never = sum(1 for count in line.branches if not count)
    how = (
        "never executed"
        if not line.count
        else f"{never} of {len(line.branches)} branches never taken"
    )
    return f"{line.file}:{line.number} ({line.function}), {how}: {line.text}"
