"""``kmap-harness kernels``: the list, and building."""

import json

from harness.kernel.by_name import kernel_names


def test_the_list_has_every_name_and_says_how_each_is_had(harness, tmp_path):
    answer = harness("kernels", KMAP_HARNESS_CACHE=tmp_path / "empty")
    assert answer.code == 0, answer
    assert [line.split()[0] for line in answer.out.splitlines()] == list(kernel_names())
    assert "debian-6.1-686-pae       known, fetched when it is first used" in answer.out
    assert "6.1-pae                  known, built when it is first used" in answer.out
    listed = json.loads(
        harness("kernels", "--json", "-", KMAP_HARNESS_CACHE=tmp_path / "empty").out
    )
    assert {row["name"]: row["from_source"] for row in listed} == {
        name: not name.startswith("debian-") for name in kernel_names()
    }


def test_nothing_is_built_when_one_of_the_names_is_wrong(harness, tmp_path):
    answer = harness(
        "kernels", "build", "6.1-pae", "6.1-pea", KMAP_HARNESS_CACHE=tmp_path / "empty"
    )
    assert answer.code == 2, answer
    assert "no kernel is known as '6.1-pea'" in answer.err
    assert "did you mean 6.1-pae" in answer.err
    assert not (tmp_path / "empty/sources").exists()
