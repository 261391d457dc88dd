"""Finished results as reports get them: of the model as a guest, with and without something
wrong.
"""

from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import RunJudge
from harness.run.program_run import RunContext, run_program
from harness.run.run_result import KernelFacts, ProgramOutcome, RunResult
from harness.trace.trace_records import Header
from tests.compare.model_guest import FULL, LOCAL, RELEASES, program
from tests.run.model_target import ModelTarget

TEXT = """tasks: a@0
pages: high 3
for i in 0..2 { a: m0 = kmap h[i]; a: write m0 i; a: kunmap h[i] }
"""
KERNEL = KernelFacts(
    "debian-6.1-686-pae", RELEASES[LOCAL.generation], "#1 SMP", "c0ffee" * 8, "a test"
)


def result(text=TEXT, **arguments):
    """What a run over one program gives; keywords go to the guest."""
    made = program(text)
    judge = RunJudge(Header(KERNEL.release, KERNEL.build, "", LOCAL, FULL, 3), our_known_bugs())
    target = ModelTarget(made, **arguments)
    finished = run_program(
        RunContext(target, judge, lambda record: None, lambda steps: None), made
    )
    judged = judge.result().programs
    return RunResult(
        kernel=KERNEL,
        machine="2 CPUs, 256 MiB, tcg, virtio",
        command="qemu-system-i386 ...",
        seed=3,
        layout=LOCAL,
        programs=(ProgramOutcome(made.name, made.title, 0.25, judged[-1] if judged else None),),
        phases={"prepare": 0.04, "boot": 1.5, "run": 0.25},
        wire={"requests": 12, "naks": 0, "damaged": 0},
        error=finished.failure.message if finished.failure else "",
    )


def wrong_frame(step, seen):
    """The fourth step's PTE has another frame, and so has its slot."""
    if step != 3:
        return seen
    slots = tuple(change._replace(pte=change.pte ^ 0x40000000) for change in seen.slots)
    return seen._replace(pte=seen.pte ^ 0x40000000, slots=slots)
