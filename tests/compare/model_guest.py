"""A guest made of the model itself: it answers as a correct kernel of that layout would."""

import random

from harness.compare.criteria import Criteria
from harness.compare.evidence_mask import evidence_mask
from harness.compare.judge import Judge
from harness.compare.known_bugs_file import our_known_bugs
from harness.model.records.layout import Generation, Layout
from harness.model.records.machine import machine
from harness.model.records.observation import Observation
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step as outcomes
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.scenario_parser import parse_scenario
from harness.trace.trace_records import Header, Step

LOCAL = Layout(
    generation=Generation.LOCAL,
    pae=True,
    smp=True,
    rt=False,
    preempt_count=True,
    debug_highmem=False,
    debug_kmap_local=False,
    force_map=False,
    debug_atomic_sleep=False,
    pkmap_base=0xFF000000,
    last_pkmap=512,
    fixaddr_top=0xFFFFF000,
    fix_kmap_begin=68,
    fix_kmap_end=579,
    window=16,
    nr_cpus=32,
    online_cpus=2,
    page_offset=0xC0000000,
    high_memory=0xD0000000,
    fixaddr_start=0xFFD00000,
    kmap_prot=0x8000000000000163,
    typed_top=0xD0900000,
    typed_count=256,
    folios=True,
    helpers=0x7FFF,
    helpers_local=True,
)
STACK = LOCAL._replace(
    generation=Generation.STACK,
    pae=False,
    preempt_count=False,
    pkmap_base=0xFEC00000,
    last_pkmap=1024,
    fix_kmap_end=707,
    window=20,
    kmap_prot=0x163,
    folios=False,
    helpers=0xF8F,
    helpers_local=False,
)
SMALL = LOCAL._replace(last_pkmap=8)
RELEASES = {Generation.LOCAL: "6.1.0-50-686-pae", Generation.STACK: "5.10.0-32-686"}
FIRST_PFN = {
    PageKind.HIGH: 0x20000,
    PageKind.LOW: 0x1000,
    PageKind.COLLIDING: 0x28000,
    PageKind.ABOVE_4G: 0x100000,
    PageKind.FOLIO: 0x2C000,
}
FULL = 0xFFFF


def pages_of(pools):
    return tuple(
        Page(FIRST_PFN[kind] + i, kind, 255 if kind is PageKind.LOW else 7)
        for kind, n in pools
        for i in range(n)
    )


def no_contract(machine, state, operation, seen):
    return ()


class ModelGuest:
    """Executes programs on the model; *rng* chooses where the model leaves a choice."""

    def __init__(self, layout, program, seed=0, cursor=0):
        self.program = program
        self.release = RELEASES[layout.generation]
        self.machine = machine(layout, pages_of(program.pools), program.tasks)
        self.start = empty_snapshot(self.machine, cursor=cursor)
        self.state = initial(self.machine, self.start)
        self.rng = random.Random(seed)

    def execute(self, operation) -> Observation:
        found = outcomes(self.machine, self.state, operation)
        chosen = self.rng.choice(found)
        self.state = chosen.state
        return Observation(*(0 if value == -1 else value for value in chosen.observation))

    def steps(self):
        for number, operation in enumerate(self.program.operations):
            yield Step(number, operation, self.execute(operation))

    def judge(self, *, evidence=FULL, contract=no_contract, known=None):
        header = Header(self.release, "", "", self.machine.layout, evidence, 0)
        bugs = (our_known_bugs() if known is None else known).for_kernel(header)
        criteria = Criteria(evidence_mask(evidence), bugs, contract)
        return Judge(self.machine, initial(self.machine, self.start), self.program, criteria)


def program(text, layout=LOCAL, **facts):
    return lower(parse_scenario(text), Facts(layout, **facts))
