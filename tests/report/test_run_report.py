"""The summary on the terminal, word for word."""

from dataclasses import replace

from harness.report.run_report import run_lines
from harness.run.run_result import ProgramOutcome
from harness.trace.trace_records import Trouble

from .sample import result, wrong_frame

AGREES = """\
kernel      6.1.0-50-686-pae (debian-6.1-686-pae; config c0ffeec0ffee)
machine     2 CPUs, 256 MiB, tcg, virtio
layout      local generation, PAE, pkmap 0xff000000 with 512 slots, \
windows of 16 from 0xfffbb000 down
steps       9 judged in 1 program, seed 3
operations  kmap 3, write 3, kunmap 3
reached     none
not reached blocked, fault, flush of nothing, flush of translations, hardirq, \
interrupt inside, other protection, pfn form, re-kmap at 1, re-kmap in use, \
several waiters, sleep with mappings, softirq, unmap with offset, waiters for one page, woken, wrap
time        prepare 0.0 s, boot 1.5 s, run 0.2 s
transitions 3 of 100 of the model's
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
reached     none
not reached blocked, fault, flush of nothing, flush of translations, hardirq, \
interrupt inside, other protection, pfn form, re-kmap at 1, re-kmap in use, \
several waiters, sleep with mappings, softirq, unmap with offset, waiters for one page, woken, wrap
time        prepare 0.0 s, boot 1.5 s, run 0.2 s
transitions 3 of 100 of the model's
divergences 1, 1 of the contract
  <text>:3 step 3: a: m0 = kmap h1: contract (pte, slots)
the first contract divergence, step 3 of <text>:
    users: page 1: 0 users, 1 kmaps not undone
    kmap-pte: 0xff002000 does not map page 1: 0x8000000060001163
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


def test_what_was_left_out_is_listed_by_reason():
    left = [ProgramOutcome(name, "", 0.0, None, "requires smp>=4") for name in ("one", "two")]
    found = replace(result(), programs=(*result().programs, *left))
    assert "left out    2 scenarios not applicable:\n  requires smp>=4: one, two\n" in text(found)


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
