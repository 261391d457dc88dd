"""Scenarios as C: what is written, what is refused and why, and what checkpatch says of it."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from harness.base import project
from harness.base.cache import Cache
from harness.base.progress import Quiet
from harness.cli.main import application
from harness.export.expressible import CANNOT, Era
from harness.export.kernel_source import exported, kunit_source, module_source
from harness.kernel.source import kernel_script
from harness.model.records.helper import HELPERS
from harness.model.records.operation import OPERATIONS, OpCode
from harness.report.export_report import export_table
from harness.run.scenario_files import scenario_files
from harness.scenario.scenario_parser import parse_scenario, read_scenario

ERA = Era((6, 1), (7, 3))
HEAD = "title: one\ntasks: a@0 w[2]@i\npages: high N, low 1\n"
RUNTIME = "".join(path.read_text() for path in (project.PACKAGE / "export/runtime").iterdir())
CHECKS = ("--no-tree", "--terse", "--strict", "--quiet", "--show-types")


def all_of_ours(era=ERA):
    files = scenario_files([], project.SCENARIOS)
    return [exported(path.stem, read_scenario(path), era) for path in files]


def written(body, head=HEAD):
    one = exported("some-name", parse_scenario(head + body), ERA)
    assert not one.reason
    return module_source([one], ERA)


def reason(body, head=HEAD, era=ERA):
    return exported("some-name", parse_scenario(head + body), era).reason


def export(*words):
    return CliRunner().invoke(application(["export"]), ["export", *map(str, words)])


def test_operations_and_what_is_expected_of_them():
    text = written("a: m0 = kmap_local_page h0\na: read m0+8 -> value 0x12\na: kunmap_local m0\n")
    assert 'DO(a, "a: m0 = kmap_local_page h0", kmap_local_page, .reg = 0, ' in text
    assert 'DO(a, "a: read m0+8", read, .is_register = true, .reg = 0, .offset = 8);' in text
    assert 'WANT(a, "a: read m0+8", value, 0x12);' in text
    assert "hm_lacks_pages(hm, HM_HIGH, LAST_PKMAP)" in text
    assert "hm_op_memcpy_page" not in text


def test_loops_count_as_in_the_scenario():
    text = written("for i in N-1..0 down { w[i%2]: kunmap h[i] }\n")
    assert "for (i = LAST_PKMAP - 1; i >= 0; i--)\n\t\tDO(&w[i % 2], " in text
    assert "struct hm_task *w = &hm->tasks[1];" in text
    assert "struct hm_task *a" not in text


def test_an_interrupt_has_a_function_of_its_own():
    text = written("a: hardirq { m0 = kmap_atomic h0; kunmap_atomic m0 -> pte none }\n")
    assert "static void case_some_name_1(struct hm_case *hm)" in text
    assert ".block = case_some_name_1);" in text
    assert 'WANT(a, "a: kunmap_atomic m0", present, 0);' in text


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("a: interrupt map+1 hardirq h0 1\na: m0 = kmap_local_page h0\n", "needs probes"),
        ("a: m0 = kmap h0\na: set_pte m0 none\n", "by hand"),
        ("a: zero_user h0 0 8\n", "not all kernels from 6.1 to 7.3 have zero_user()"),
        ("a: kunmap h0 -> died\n", "breaks rules on purpose"),
        ("a: sleep IN_MAP\n", "no word for the number IN_MAP"),
        ("for i in 0..1 { a: softirq { m0 = kmap_atomic h[i]; kunmap_atomic m0 } }\n", "counter"),
    ],
)
def test_what_c_cannot_express_has_a_reason(body, why):
    assert why in reason(body)


@pytest.mark.parametrize("name", ["hm", "int", "i"])
def test_names_that_c_would_misunderstand(name):
    head = HEAD.replace("a@0", f"{name}@0")
    assert "another meaning" in reason(f"{name}: m0 = kmap h0\n", head)


def test_an_operation_has_c_or_a_reason():
    known = {kind.code for kind in OPERATIONS.values() if f"hm_op_{kind.word}(" in RUNTIME}
    assert len(known) > 24
    assert not known & set(CANNOT)
    assert all(f"hm_op_{kind.word}(" in RUNTIME for kind in HELPERS.values())


def test_an_operation_that_c_does_not_know_yet_is_a_reason(monkeypatch):
    monkeypatch.delitem(CANNOT, OpCode.EXIT)
    assert reason("a: exit\n") == "there is no C of exit"


def test_kernels_of_5_10_have_no_local_mappings():
    body = "a: m0 = kmap_local_page h0\na: kunmap_local m0\n"
    assert reason(body, era=Era((5, 10), (5, 10))) == (
        "not all kernels from 5.10 have kmap_local_page()"
    )
    assert sum(not one.reason for one in all_of_ours(Era((5, 10), (5, 10)))) > 50


def test_the_list_says_of_each_scenario_what_is_not_compared_or_why_it_has_no_test():
    rows = list(export_table(all_of_ours()))
    assert "| pkmap-wait | yes | cursor, waiters, wakes |" in rows
    assert "| pkmap-above-4g | no | it needs pages above 4 GiB |" in rows
    assert export("kunit", "--list").output.splitlines() == rows


def test_every_test_stands_in_the_suite_once():
    found = all_of_ours()
    text = kunit_source(found, ERA)
    names = [one.name.replace("-", "_") for one in found if not one.reason]
    assert len(names) > 80
    for name in names:
        assert text.count(f"\tKUNIT_CASE({name}_test),\n") == 1


@pytest.mark.network
@pytest.mark.parametrize("write", [kunit_source, module_source])
def test_checkpatch_has_nothing_to_say(write, tmp_path):
    path = tmp_path / "highmem_test.c"
    path.write_text(write(all_of_ours(), ERA))
    script = kernel_script("checkpatch.pl", Cache.default(), Quiet())
    command = ["perl", script, *CHECKS, "--ignore", "DEPRECATED_API", "--file", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("total: 0 errors, 0 warnings, 0 checks, ")


def test_the_command_writes_the_file_and_says_what_is_not_in_it(tmp_path):
    result = tmp_path / "result.json"
    ended = export("kunit", "pkmap-wait", "atomic-foreign", "--out", tmp_path, "--json", result)
    assert ended.exit_code == 0, ended.output
    assert "not written atomic-foreign: it breaks rules on purpose" in ended.output
    assert "written     1 of 2 scenarios to" in ended.output
    assert "KUNIT_CASE(pkmap_wait_test)" in (tmp_path / "highmem_kunit.c").read_text()
    listed = json.loads(result.read_text())["scenarios"]
    assert listed[0]["not_compared"] == ["cursor", "waiters", "wakes"]


def test_a_module_comes_with_its_kbuild(tmp_path):
    assert export("module", "pkmap-wait", "--out", tmp_path).exit_code == 0
    assert (tmp_path / "Kbuild").read_text() == "obj-m := highmem_module.o\n"
    assert "module_init(highmem_init);" in (tmp_path / "highmem_module.c").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("atomic-foreign",), "none of these scenarios can be a test within the kernel"),
        (("pkmap-wait", "--oldest", "six"), "'six' is no major.minor of a kernel"),
        (("pkmap-wait", "--oldest", "7.4"), "7.4 is newer than 7.3"),
        (("pkmap-wait", "pkmap-wait"), "2 of the scenarios are called pkmap-wait"),
    ],
)
def test_what_the_command_refuses(words, message, tmp_path):
    ended = export("kunit", *words, "--out", tmp_path)
    assert ended.exit_code != 0
    assert message in str(ended.exception)
