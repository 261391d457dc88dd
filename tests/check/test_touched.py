"""Which sweeps a patch calls for."""

import pytest

from harness.check.touched import (
    SWEEPS,
    chosen_sweeps,
    touched_sweeps,
    touches_notices,
)
from harness.errors import UsageError
from harness.patch.patch import Patch
from harness.scenario.scenario_parser import read_scenario


def patch(file, text):
    diff = f"--- a/{file}\n+++ b/{file}\n@@ -1,2 +1,2 @@\n {text}\n-a\n+b\n"
    return Patch("one.patch", diff.encode())


def stems(*patches):
    return {path.stem for path in touched_sweeps(patches)}


def test_a_function_has_its_sweeps():
    assert stems(patch("mm/highmem.c", "void kunmap_high(struct page *page)")) == {"every-kunmap"}
    assert stems(patch("mm/highmem.c", "void *page_address(const struct page *page)")) == {
        "every-page-address"
    }


def test_a_heading_counts_as_well():
    heading = Patch("", b"--- a/mm/highmem.c\n+++ b/mm/highmem.c\n@@ -1 +1 @@ void kunmap_high(\n")
    assert stems(heading) == {"every-kunmap"}


def test_the_sweeps_of_several_patches_run_once():
    both = patch("mm/highmem.c", "kunmap_high"), patch("mm/highmem.c", "kunmap_high page_slot")
    assert stems(*both) == {"every-kunmap", "every-page-address"}
    assert len(touched_sweeps(both)) == 2


def test_a_mapping_file_without_a_known_function_has_all_of_its_sweeps():
    assert stems(patch("arch/x86/mm/iomap_32.c", "int other")) == {
        "every-map", "every-map-local", "every-iomap", "every-unmap", "every-unmap-local",
    }  # fmt: skip


@pytest.mark.parametrize("file", ["fs/exec.c", "kernel/sched/core.c"])
def test_other_code_has_none(file):
    assert stems(patch(file, "int other")) == set()


def test_every_sweep_of_the_table_is_a_scenario():
    found = touched_sweeps([patch("mm/highmem.c", "int other")])
    assert {read_scenario(path).title for path in found}
    assert {path.stem for path in found} == {path.stem for path in SWEEPS.glob("every-*.kmap")}


def test_the_option_decides():
    one = [patch("mm/highmem.c", "kunmap_high")]
    assert [path.stem for path in chosen_sweeps("", one)] == ["every-kunmap"]
    assert chosen_sweeps("none", one) == ()
    assert set(chosen_sweeps("all", one)) == set(SWEEPS.glob("*.kmap"))
    with pytest.raises(UsageError, match="--sweeps some"):
        chosen_sweeps("some", one)


@pytest.mark.parametrize(
    ("line", "touched"),
    [
        ("+\tBUG_ON(idx > KM_TYPE_NR);", True),
        ("-\tif (WARN_ON_ONCE(in_irq()))", True),
        ("+\tVM_BUG_ON_PAGE(!PageHighMem(page), page);", True),
        ("-\t\tBUG();", True),
        (" \tBUG_ON(idx > KM_TYPE_NR);", False),
        ("+\tdebug_on(idx);", False),
    ],
)
def test_what_notices_wrong_use_calls_for_it(line, touched):
    def changed(file):
        return Patch("", f"--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@ x\n{line}\n".encode())

    assert touches_notices([changed("mm/highmem.c")]) is touched
    assert not touches_notices([changed("fs/exec.c")])
