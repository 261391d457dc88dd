"""The summary on the terminal, word for word."""

import shlex
from dataclasses import replace
from types import SimpleNamespace

from harness.architecture.i386 import I386
from harness.cli.output import CommandOutput
from harness.report.folding import folded_command
from harness.report.log_places import with_logs
from harness.report.run_counts import counts_words
from harness.report.run_report import run_lines
from harness.run.run_result import GuestMemory, ProgramOutcome
from harness.scenario.facts import ADD_THROWAWAY
from harness.trace.trace_records import Trouble

from .sample import result, wrong_frame

AGREES = """\
kernel      6.1.0-50-686-pae (debian-6.1-686-pae; config c0ffeec0ffee)
machine     2 CPUs, 256 MiB, tcg, virtio
layout      local generation, PAE, pkmap 0xff000000 with 512 slots, \
windows of 16 from 0xfffbb000 down
steps       9 judged in 1 program, seed 3
operations  kmap 3, write 3, kunmap 3
reached     0 of 17 situations (-v names the others)
time        prepare 0.0 s, boot 1.5 s, run 0.2 s
transitions 3 of 121 of the model's
divergences 0
verdict     AGREE: the kernel did at every step what the model allows
"""
DIVERGES = """\
kernel      6.1.0-50-686-pae (debian-6.1-686-pae; config c0ffeec0ffee)
machine     2 CPUs, 256 MiB, tcg, virtio
layout      local generation, PAE, pkmap 0xff000000 with 512 slots, \
windows of 16 from 0xfffbb000 down
steps       4 judged in 1 program, seed 3
operations  kmap 3, write 3, kunmap 3
reached     0 of 17 situations (-v names the others)
time        prepare 0.0 s, boot 1.5 s, run 0.2 s
transitions 3 of 121 of the model's
divergences 1, 1 of the contract
  <text>:3 step 3: a: m0 = kmap h1: contract (pte, slots)
the first contract divergence, step 3 of <text>:
    users: page 1: 1 kmaps not undone, 0 by the count
    kmap-pte: 0xff002000 does not map page 1: 0x8000000060001163
    page-address: page 1: kmap gave 0xff002000, page_address 0x0
    page-address: page 1: 0xff002000, mapped at 0x0
    allowed by kmap.above:
      pte             seen 0x8000000060001163, allowed 0x8000000020001163
    pkmap: cursor 1, seen 2, allowed 2; count, page, flags
        slot  before                    seen                      allowed
           1  1 h0 0x163+NX             1 h0 0x163+NX             1 h0 0x163+NX
     >     2  0 -                       2 pfn 0x60001 0x163+NX    2 h1 0x163+NX
           3  0 -                       0 -                       0 -
      slot 2: model 0x8000000020001163, module 0x8000000060001163, outside 0x8000000020001163; \
module stands alone
verdict     DIVERGE: the kernel did what the model does not allow
"""


def text(found):
    return "\n".join(run_lines(found)) + "\n"


def test_agreement():
    assert text(result()) == AGREES


def test_a_divergence_with_its_picture():
    assert text(result(wrong=wrong_frame)) == DIVERGES


def left(name, reason):
    return ProgramOutcome(name, "", 0.0, None, reason)


def test_what_was_left_out_is_counted_and_with_v_listed_by_reason():
    outcomes = (left("one", "requires smp>=4"), left("two", "requires smp>=4"))
    found = replace(result(), programs=(*result().programs, *outcomes))
    assert "left out    2 scenarios: 2 do not apply to this guest (-v names them)\n" in text(found)
    wrecks = left("three", ADD_THROWAWAY)
    found = replace(found, programs=(*found.programs, wrecks))
    counted = "left out    3 scenarios: 1 waits for --throwaway, 2 do not apply to this guest"
    assert counted in text(found)
    lines = list(run_lines(found, verbose=True))
    place = lines.index("left out    3 scenarios:")
    assert lines[place + 1] == "  requires smp>=4: one, two"


def test_operations_and_situations_are_a_line_each_and_with_v_all_of_them():
    kinds = [name for name in text(result()).splitlines() if name.startswith("operations")]
    assert kinds == ["operations  kmap 3, write 3, kunmap 3"]
    many = counts_words({f"op{number}": number for number in range(9)}, 4)
    assert many == "op8 8, op7 7, op6 6, op5 5"
    lines = list(run_lines(result(), verbose=True))
    (missed,) = [line for line in lines if line.startswith("not reached ")]
    assert "blocked, fault, flush of nothing" in missed


def test_memory_is_told_in_the_parts_that_matter():
    found = replace(result(), memory=GuestMemory(700, 4300, 1536))
    assert "memory      700 MiB low, 4300 MiB high, 1536 MiB of it above 4 GiB\n" in text(found)
    found = replace(result(), memory=GuestMemory(200, 56, 0))
    assert "memory      200 MiB low, 56 MiB high\n" in text(found)
    found = replace(result(), memory=GuestMemory(200, 56, 0, 128))
    assert "high; 128 MiB above 4 GiB, which it must leave alone\n" in text(found)


def test_memory_above_4_gib_is_left_alone_by_kernels_that_may_not_use_it():
    facts = SimpleNamespace(lowmem_pages=700 << 8, highmem_pages=4300 << 8)
    used = GuestMemory.of(facts, 5120, I386.ram, uses_above=True)
    assert used == GuestMemory(700, 4300, 2048, 0)
    unused = GuestMemory.of(facts, 5120, I386.ram, uses_above=False)
    assert unused == GuestMemory(700, 4300, 0, 2048)
    assert GuestMemory.of(facts, 1024, I386.ram, uses_above=True).above_4g == 0


def test_a_known_bug_is_explained():
    found = result()
    found.programs[0].result.known["kmap_to_page-slot0"] = 1
    found.programs[0].result.vanished["other"] = 2
    found = replace(found, known_bugs={"kmap_to_page-slot0": "it takes the first slot"})
    assert (
        "known bugs  1 bug on record; counted, and no divergence\n"
        "  kmap_to_page-slot0, seen once: it takes the first slot\n"
        "vanished    1 bug on record that this kernel lacks\n"
        "  other, not seen where it is expected, 2 times: in a list of your own\n"
    ) in text(found)


def test_the_report_says_where_the_logs_are(tmp_path):
    for name in ("console.log", "qemu.log", "run.json"):
        (tmp_path / name).touch()
    lines = list(with_logs(run_lines(result()), tmp_path))
    assert lines[-2] == f"logs        {tmp_path}: console.log, qemu.log"
    assert lines[-1].startswith("verdict     AGREE")
    assert (
        list(with_logs(["a", "verdict  X"], tmp_path / "none"))[1] == f"logs     {tmp_path}/none"
    )


def test_a_long_line_is_folded_below_its_text(capsys):
    CommandOutput().report(["layout      " + "word " * 40, "    slot 2: " + "x" * 30 + " y" * 50])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 99
    assert [line[:12] for line in lines[:3]] == ["layout      ", " " * 12, " " * 12]
    assert " ".join(" ".join(lines).split()).startswith("layout word word")
    assert lines[-1].startswith("      y")


def test_a_command_is_folded_so_that_a_shell_takes_it():
    command = "kmap-harness check " + "--patch 'a long/path/to/a.patch' " * 8
    lines = list(folded_command(command))
    assert max(map(len, lines)) <= 99
    assert len(lines) > 2
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(command)


def test_nothing_executed_is_no_success():
    found = replace(result(), programs=(), error="no step was executed")
    assert found.exit_code == 3
    assert "steps       0 judged" in text(found)
    assert text(found).endswith(
        "error       no step was executed\nverdict     ERROR: no verdict on the kernel\n"
    )


def test_a_crash_is_said_as_such():
    found = replace(result(), crash="own:3 step 4: a: m0 = kmap h1: the guest fell silent")
    assert found.exit_code == 1
    assert "crash       own:3 step 4" in text(found)
    assert text(found).endswith("verdict     DIVERGE: the kernel crashed or hung\n")


def test_repaired_damage_is_counted():
    found = replace(result(), wire={"naks": 2, "damaged": 3, "requests": 9})
    assert "wire        damage recovered: damaged 3, naks 2\n" in text(found)
    assert "wire" not in text(result())


def test_an_unexplained_kernel_message_is_a_divergence():
    found = result()
    found.programs[0].result.trouble.append(Trouble(4, "WARNING", "WARNING: at mm/highmem.c:611"))
    assert found.exit_code == 1
    assert "kernel said <text> step 4: WARNING: WARNING: at mm/highmem.c:611\n" in text(found)
    assert text(found).endswith("verdict     DIVERGE: the kernel complained\n")
