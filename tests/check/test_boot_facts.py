"""What base and patched kernel have made otherwise of memory and addresses: told by a check."""

from dataclasses import replace

from harness.check.checked_program import CheckedKind, CheckedProgram, checked_program
from harness.check.comparison import PatchEffect, compare
from harness.check.judging import Judgement
from harness.check.stored_judgement import judgement_of, judgement_value
from harness.model.boot.boot_facts import boot_facts
from harness.report.check_report import behaviour_lines
from harness.run.run_result import ProgramOutcome
from harness.scenario.program import BOOT
from tests.model.test_boot import VIEW
from tests.model.test_boot_layout import PAE, Kernel
from tests.run.test_boot_evidence import judged

VIEW_OF_ALL = VIEW._replace(areas=tuple(PAE.areas()))


def program(view):
    (result,) = judged(view).programs
    return checked_program(ProgramOutcome(BOOT, "", 0.0, result))


def test_the_facts_of_a_boot_are_its_areas_and_its_highmem():
    facts = boot_facts(VIEW_OF_ALL)
    assert facts[0] == "the direct map is 0xc0000000 to 0xf0000000"
    assert facts[-2:] == (
        "the windows of 8 CPUs have 16 entries each",
        "highmem is frames 0x375fe to 0x108000, 32768 handed out",
    )
    assert len(facts) == 8
    assert boot_facts(VIEW._replace(zones=VIEW.zones[:1])) == ()


def test_a_layout_that_a_patch_changes_is_shown_and_is_no_failure():
    other = VIEW_OF_ALL._replace(areas=tuple(Kernel(16, 512, 0x200000).areas()))
    base, patched = program(VIEW_OF_ALL), program(other)
    assert patched.kind is CheckedKind.AGREE
    (same,) = compare("", [base], [base])
    (found,) = compare("", [base], [patched])
    assert same.change is PatchEffect.UNCHANGED
    assert found.change is PatchEffect.BEHAVIOUR_CHANGED
    assert "now cpu_entry_area is 0xff" in found.why
    assert "no longer cpu_entry_area is 0xff" in found.why
    text = "\n".join(behaviour_lines([found], verbose=False))
    assert "the windows of 16 CPUs have 16 entries each: once in 1 programs: the boot" in text
    assert "on the base the windows of 8 CPUs have 16 entries each" in text


def test_a_broken_rule_is_a_failure_whatever_else_has_changed():
    base = program(VIEW_OF_ALL)
    areas = [one._replace(end=one.end + 0x1000) for one in VIEW_OF_ALL.areas]
    (found,) = compare("", [base], [program(VIEW_OF_ALL._replace(areas=tuple(areas)))])
    assert found.change is PatchEffect.NEWLY_FAILING
    assert found.why == "breaks areas"


def test_a_base_is_stored_with_its_facts():
    judgement = Judgement("6.1", "", "", "", programs=(program(VIEW_OF_ALL),))
    assert judgement_of(judgement_value(judgement)) == judgement
    bare = replace(judgement, programs=(CheckedProgram(BOOT, CheckedKind.AGREE),))
    assert judgement_of(judgement_value(bare)) == bare
