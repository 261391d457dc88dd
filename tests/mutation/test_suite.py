"""What makes a try fail: a test that fails, and nothing else."""

import os

from tests.mutation import suite
from tests.mutation.work import Job


def test_where_there_is_no_test_nothing_fails():
    reader, writer = os.pipe()
    assert suite.run([], lambda name: 1.0, writer) == 0
    os.close(writer)
    with os.fdopen(reader) as told:
        assert suite.wait(os.posix_spawn("/bin/true", ["true"], {}), os.dup(told.fileno())) == (
            "survived",
            "",
        )


def test_a_file_that_came_after_the_measurements_is_tried():
    job = Job({}, (), None)
    job.files = {"old.py": "1", "changed.py": "2"}
    survived = {"old.py": "1", "changed.py": "1"}
    assert [job._news(survived, name) for name in ("old.py", "changed.py", "new.py")] == [
        False,
        True,
        True,
    ]
