"""The jobs of a night: every kernel on every shape, from several starts."""

from harness.nightly.night_jobs import make_job, make_jobs


def variants(seed):
    jobs = make_jobs(["a", "b"], ["smp=1", "smp=2,kaslr"], ("--seed", str(seed)), seed)
    return {job.name: job.arguments[3] for job in jobs}


def test_jobs_start_from_several_templates_and_keep_their_names():
    first, second = variants(1), variants(2)
    assert list(first) == list(second) == ["a-smp1", "a-smp2-kaslr", "b-smp1", "b-smp2-kaslr"]
    assert first["a-smp1"] == "variant=1,smp=1"
    assert len(set(first.values())) == 4
    assert all(first[name] != second[name] for name in first)


def test_a_shape_that_names_its_variant_keeps_it():
    assert (
        make_job("a", "smp=1,variant=7", (), variant=2).arguments[3] == "variant=2,smp=1,variant=7"
    )
