import pytest

from harness.kernel import fragment
from harness.kernel.kernel_record import KernelConfig


def test_a_later_fragment_overrides_and_comments_do_not_count(tmp_path):
    (tmp_path / "a").write_text('# why\nCONFIG_A=y\nCONFIG_B="text"\n\n# CONFIG_C is not set\n')
    (tmp_path / "b").write_text("CONFIG_A=n\n")
    merged = fragment.merge([tmp_path / "a", tmp_path / "b"])
    assert merged == {"CONFIG_A": "n", "CONFIG_B": '"text"', "CONFIG_C": "n"}
    assert (
        fragment.text(merged) == '# CONFIG_A is not set\nCONFIG_B="text"\n# CONFIG_C is not set\n'
    )


def test_a_line_that_is_no_setting_is_named_with_its_place(tmp_path):
    (tmp_path / "a.config").write_text("CONFIG_A=y\nPREEMPT=y\n")
    with pytest.raises(fragment.FragmentError, match=r"a\.config:2: 'PREEMPT=y' is no setting"):
        fragment.merge([tmp_path / "a.config"])
    with pytest.raises(fragment.FragmentError, match=r"none\.config cannot be read"):
        fragment.merge([tmp_path / "none.config"])


@pytest.mark.parametrize(
    ("asked", "got", "said"),
    [
        ("y", "CONFIG_X=y\n", []),
        ("n", "# CONFIG_X is not set\n", []),
        ("n", "", []),
        ("y", "# CONFIG_X is not set\n", ["CONFIG_X: asked for y, got n"]),
        ("y", "", ["CONFIG_X: asked for y, got n"]),
        ("y", "CONFIG_X=m\n", ["CONFIG_X: asked for y, got m"]),
        ("n", "CONFIG_X=y\n", ["CONFIG_X: asked for n, got y"]),
        ("8", "CONFIG_X=64\n", ["CONFIG_X: asked for 8, got 64"]),
        ('"text"', 'CONFIG_X="text"\n', []),
    ],
)
def test_what_was_asked_for_and_not_taken_is_said(asked, got, said):
    found = fragment.differences({"CONFIG_X": asked}, KernelConfig.parse(got))
    assert [str(one) for one in found] == said
