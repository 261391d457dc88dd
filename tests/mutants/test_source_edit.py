import os
from dataclasses import replace

import pytest

from harness.base import project
from harness.mutants.mutant_catalogue import Mutant, MutantKind, read_catalogue
from harness.mutants.source_edit import PatchError, mutated

HIGHMEM = """\
static int pkmap_count[LAST_PKMAP];

static void flush_all_zero_pkmaps(void)
{
	int i;
	int need_flush = 0;

	flush_cache_kmaps();

	for (i = 0; i < LAST_PKMAP; i++) {
		if (pkmap_count[i] != 1)
			continue;
		pkmap_count[i] = 0;
		need_flush = 1;
	}
	if (need_flush)
		flush_tlb_kernel_range(PKMAP_ADDR(0), PKMAP_ADDR(LAST_PKMAP));
}
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "original").mkdir()
    (tmp_path / "source/mm").mkdir(parents=True)
    (tmp_path / "original/highmem.c").write_text(HIGHMEM)
    os.link(tmp_path / "original/highmem.c", tmp_path / "source/mm/highmem.c")
    return tmp_path / "source"


def mutant(name):
    return read_catalogue(project.MUTANTS).named((name,))[0]


def test_a_semantic_patch_is_put_in_and_taken_out_and_the_shared_file_stays(source, tmp_path):
    with mutated(mutant("pkmap/flush-misses-first"), source) as edit:
        assert "for (i = 1; i < LAST_PKMAP; i++)" in (source / "mm/highmem.c").read_text()
        assert edit.files == ("mm/highmem.c",)
        assert "-\tfor (i = 0; i < LAST_PKMAP; i++) {\n+\tfor (i = 1;" in edit.diff
    assert (source / "mm/highmem.c").read_text() == HIGHMEM
    assert (tmp_path / "original/highmem.c").read_text() == HIGHMEM
    assert [path.name for path in (source / "mm").iterdir()] == ["highmem.c"]


def test_a_diff_is_applied_wherever_its_text_is(source):
    with mutated(mutant("harmless/flush-inlined"), source):
        assert "static __always_inline void flush" in (source / "mm/highmem.c").read_text()
    assert (source / "mm/highmem.c").read_text() == HIGHMEM


def test_a_patch_that_changes_nothing_is_an_error(source):
    with (
        pytest.raises(PatchError, match=r"no-wake\.cocci changes nothing"),
        mutated(mutant("pkmap/no-wake"), source),
    ):
        pass


def test_the_source_is_whole_again_after_a_failure(source):
    with pytest.raises(ZeroDivisionError), mutated(mutant("pkmap/flush-omitted"), source):
        raise ZeroDivisionError
    assert (source / "mm/highmem.c").read_text() == HIGHMEM


def test_files_that_a_version_lacks_are_passed_over(source):
    both = replace(
        mutant("pkmap/flush-omitted"), files=("mm/highmem.c", "arch/x86/mm/highmem_32.c")
    )
    with mutated(both, source) as edit:
        assert edit.files == ("mm/highmem.c",)
    assert isinstance(both, Mutant)
    assert both.kind is MutantKind.CONTRACT
