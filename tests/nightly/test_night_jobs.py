"""The jobs of a night: every kernel on every machine, for each suite, from several starts."""

from dataclasses import replace

import pytest

from harness.errors import UsageError
from harness.kernel.build_recipe import recipes
from harness.kernel.catalogue import known
from harness.nightly.matrix import NightKernel, NightSet, night_kernels, read_matrix
from harness.nightly.night_jobs import NightRequest, make_job, night_jobs
from harness.nightly.suites import SUITES, SuiteEffort

A, B = NightKernel("a"), NightKernel("b", "/boot/bzImage", "/build")
SET = NightSet("s", (A, B), ("smp=1", "smp=2,kaslr"), ("conformance", "histories", "claims"))


def jobs(chosen=SET, **changes):
    return {job.name: job for job in night_jobs(NightRequest((chosen,), **changes))}


def test_each_suite_has_its_jobs():
    found = jobs()
    assert set(found) == {
        *("a-smp1", "a-smp2-kaslr", "b-smp1", "b-smp2-kaslr"),
        *("a-histories", "b-histories", "a-claims", "b-claims"),
    }
    assert found["b-claims"].command == "claims"
    assert found["b-claims"].arguments == ("--kernel", "/boot/bzImage", "--build-dir", "/build")
    assert found["a-histories"].cores == 2


def test_jobs_start_from_several_templates_and_keep_their_names():
    first, second = ({n: j.arguments for n, j in jobs(seed=seed).items()} for seed in (1, 2))
    assert list(first) == list(second)
    shaped = [name for name in first if "smp" in name]
    assert len({first[name] for name in shaped}) == 4
    assert all(first[name] != second[name] for name in shaped)


def test_later_rounds_only_run_what_another_seed_changes():
    found = jobs(replace(SET, seeds=2))
    assert [name for name in found if name.endswith("-seed2")] == [
        *("a-smp1-seed2", "a-smp2-kaslr-seed2", "b-smp1-seed2", "b-smp2-kaslr-seed2"),
    ]
    assert "--abstract" in found["a-smp1"].arguments
    assert "--abstract" not in found["a-smp1-seed2"].arguments


def test_no_operations_of_histories_mean_no_such_job():
    assert not any("histories" in name for name in jobs(effort=SuiteEffort(histories=0)))


def test_kernels_and_shapes_of_the_user_replace_those_of_the_set():
    assert list(jobs(kernels=(A,), shapes=("smp=4",))) == ["a-smp4", "a-histories", "a-claims"]


def test_a_job_of_two_sets_runs_once():
    assert len(night_jobs(NightRequest((SET, SET)))) == len(jobs())


def test_a_shape_that_names_its_variant_keeps_it():
    job = make_job(SUITES["conformance"], A, "smp=1,variant=7", variant=2)
    assert job.arguments[3] == "variant=2,smp=1,variant=7"


# -- the matrix


def test_our_own_sets():
    matrix = read_matrix()
    (usual,) = matrix.chosen(())
    assert [one.name for one in usual.kernels] == [one.name for one in known()]
    (source,) = matrix.chosen(["source"])
    assert {one.name for one in source.kernels} == set(recipes())
    assert len(night_jobs(NightRequest(matrix.chosen(matrix.sets)))) > 100
    with pytest.raises(UsageError, match="no set 'other'"):
        matrix.chosen(["other"])


def test_a_kernel_of_the_file_takes_the_place_of_ours(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        '[kernel."debian-6.1-686"]\nimage = "/b"\nbuild-dir = "/d"\n'
        '[set.one]\nkernels = ["debian-6.1-686"]\nshapes = ["smp=1"]\nsuites = ["fuzz"]\n'
    )
    (one,) = read_matrix(path).chosen(())
    assert one.kernels == (NightKernel("debian-6.1-686", "/b", "/d"),)
    (job,) = night_jobs(NightRequest((one,)))
    assert job.name == "debian-6.1-686-smp1-fuzz"
    assert job.arguments[:4] == ("--kernel", "/b", "--build-dir", "/d")
    assert job.arguments[job.arguments.index("--scenario") + 1] == "first-state"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "KeyError: 'set'"),
        ("set = 1", "an entry is wrong"),
        ("more = 1\n[set.a]\nkernels = []\nshapes = []\nsuites = []", "unknown keys: more"),
        ("[set.a]\nkernels = []\nshapes = []\nsuites = ['x']", "no suite x"),
        ("[set.a]\nkernels = 'x'\nshapes = []\nsuites = []", "kernels is a list of texts"),
        ("[set.a]\nkernels = []\nshapes = []\nsuites = []\nseeds = 0", "from 1 to 1000"),
        ("[set.a]\nkernels = ['nosuch']\nshapes = []\nsuites = []", "'nosuch'"),
        ("[set.a]\nkernels = []\nshapes = ['smp=x']\nsuites = []", "smp"),
        ("default = ['b']\n[set.a]\nkernels = []\nshapes = []\nsuites = []", "there is not: b"),
        ("[kernel.x]\nimage = 1", "are paths"),
    ],
)
def test_what_is_wrong_in_a_matrix_is_said(tmp_path, text, said):
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_matrix(path)
    assert said in str(error.value)
    assert error.value.hint


def test_groups_of_kernels():
    assert len(night_kernels(["stock", "debian-6.1-686"])) == len(known())


def test_every_qemu_of_the_host_runs_each_machine(tmp_path, monkeypatch):
    for name in ("a/qemu-system-i386", "b/qemu-system-i386", "b/qemu-system-x86_64"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
        path.chmod(0o755)
    (tmp_path / "c").symlink_to("a")
    monkeypatch.setenv("PATH", ":".join(str(tmp_path / one) for one in "abc"))
    (chosen,) = read_matrix().chosen(["qemu"])
    assert [one.removeprefix("smp=1,") for one in chosen.shapes if "smp=1" in one] == [
        f"qemu={tmp_path}/a/qemu-system-i386",
        f"qemu={tmp_path}/b/qemu-system-i386",
        f"qemu={tmp_path}/b/qemu-system-x86_64",
    ]
    jobs = night_jobs(NightRequest((chosen,)))
    assert len({job.name for job in jobs}) == 2 * 2 * 3
    assert not any("/" in job.name for job in jobs)
