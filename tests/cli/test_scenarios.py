"""``scenarios list`` and ``scenarios lint``: no guest is booted, nothing is fetched."""

import json

GOOD = "title: one\ntasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n"


def test_the_list_has_titles_and_requirements(harness):
    answer = harness("scenarios", "list", "-k", "pkmap-wait or atomic-overflow-checked")
    assert answer.code == 0, answer
    assert "pkmap-wait               kmap waits for a slot\n" in answer.out
    assert "requires throwaway, generation=stack" in answer.out
    assert max(map(len, answer.out.splitlines())) < 100
    listed = json.loads(harness("scenarios", "list", "--json", "-").out)
    assert {"pkmap-wait", "local-depth"} <= {one["name"] for one in listed}
    assert all(one["title"] for one in listed)


def test_lint_says_where_a_scenario_can_run(harness):
    answer = harness("scenarios", "lint", "pkmap-wait", "atomic-overflow")
    assert answer.code == 0, answer
    assert "pkmap-wait.kmap: 1028 steps, on 16 kinds of kernel\n" in answer.out
    assert "`run` executes it with --throwaway" in answer.out
    assert answer.out.endswith("verdict     no error\n")


def test_lint_names_file_line_and_remedy_and_goes_on(harness):
    texts = {
        "parsed": GOOD.replace("= kmap ", "= kmapp "),
        "lowered": GOOD.replace("high 1", "high 1") + "a: kunmap h1\n",
        "fine": GOOD.replace("title: one\n", ""),
        "nowhere": GOOD.replace("title", "requires: smp>=99\ntitle"),
    }
    for name, text in texts.items():
        (harness.place / f"{name}.kmap").write_text(text)
    answer = harness("scenarios", "lint", ".", "--json", "found.json")
    assert answer.code == 2
    assert "parsed.kmap:4:9: " in answer.out
    assert "did you mean kmap" in answer.out
    assert "lowered.kmap:6:" in answer.out
    assert "fine.kmap: 2 steps, on " in answer.out
    assert "warning: it has no title" in answer.out
    assert "nowhere.kmap: warning: no kind of kernel can run it" in answer.out
    assert answer.out.endswith("verdict     WRONG: mistakes in 2 of 4\n")
    found = json.loads((harness.place / "found.json").read_text())
    assert [bool(one["error"]) for one in found] == [False, True, False, True]


def test_a_trace_does_not_go_to_standard_output(harness):
    answer = harness("run", "--trace", "-")
    assert answer.code == 2
    assert "a trace is no text" in answer.err
