"""Functions, files and lines are as long as a reader can take in at once."""

from fnmatch import fnmatch
from statistics import median, quantiles

from tests.house.source_tree import TOP, functions, source_files, tracked

LINE_MOST, FILE_MOST, FUNCTION_MOST = 99, 300, 50
FUNCTION_P95, FUNCTION_MEDIAN = 20, 7

TEXT = frozenset({"", ".py", ".md", ".c", ".h", ".sh", ".toml", ".kmap", ".yml", ".yaml", ".in"})
RECORDED = (
    "LICENSE",
    "requirements.lock",
    "tests/mutation/survivors/*",
    "tests/mutants/*.diff",
    "*/data/*",
)
"""Written by programs or by others, and not ours to fold."""

PENDING_LINES = frozenset({"pyproject.toml"})
"""Files whose lines are still too long.  This list only shrinks."""


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def name_of(path):
    return str(path.relative_to(TOP))


def test_files_are_short():
    found = {name_of(path) for path in source_files() if len(lines_of(path)) > FILE_MOST}
    assert found == set()


def test_no_function_is_long():
    found = {name for name, lines in functions() if lines > FUNCTION_MOST}
    assert found == set()


def test_functions_are_short_on_the_whole():
    lengths = [lines for _, lines in functions()]
    assert median(lengths) <= FUNCTION_MEDIAN
    assert quantiles(lengths, n=20)[-1] <= FUNCTION_P95


def is_ours(path):
    name = name_of(path)
    return path.suffix in TEXT and not any(fnmatch(name, pattern) for pattern in RECORDED)


def long_lines(path):
    """Rows of Markdown tables cannot be folded."""
    for number, line in enumerate(lines_of(path), 1):
        row = path.suffix == ".md" and line.startswith("|")
        if len(line) > LINE_MOST and not row:
            yield f"{name_of(path)}:{number}"


def test_lines_fit_on_a_screen():
    found = [place for path in tracked() if is_ours(path) for place in long_lines(path)]
    assert [one for one in found if not is_pending(one)] == []


def is_pending(place):
    return any(fnmatch(place.partition(":")[0], pattern) for pattern in PENDING_LINES)
