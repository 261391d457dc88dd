"""The DWARF of the built module, compared with the harness's end of the wire and with the
guest.
"""

from collections.abc import Iterator, Mapping
from struct import Struct

from harness.errors import UsageError
from harness.guest import protocol, steps
from harness.guest.protocol import GuestFacts
from harness.kernel.dwarf import DwarfFacts
from harness.model.records.layout import Generation, Layout
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode

STRUCTURES: Mapping[str, Struct] = {
    "kmh_info": protocol.INFO,
    "kmh_page": protocol.PAGE,
    "kmh_op": protocol.OPERATION,
    "kmh_obs": steps.OBSERVATION,
    "kmh_delta": steps.DELTA,
    "kmh_snapshot": steps.SNAPSHOT,
}
"""Structures of kmod/protocol.h whose layout both ends must agree on."""


class WireMismatchError(UsageError):
    """The module was built from another definition of the wire than this harness speaks."""

    def __init__(self, what: str, found: int, wanted: int) -> None:
        super().__init__(
            f"the module speaks another wire: {what} is {found} there and {wanted} here",
            hint="build it from the kmod/ of this version of the harness",
        )


def require_wire(dwarf: DwarfFacts) -> None:
    """Raise WireMismatchError where the module speaks another protocol than this harness."""
    for name, mine in STRUCTURES.items():
        if dwarf.struct(name).size != mine.size:
            raise WireMismatchError(
                f"the size of struct {name}", dwarf.struct(name).size, mine.size
            )
    for prefix, numbers in (("KMH_OP_", OpCode), ("KMH_ST_", Status)):
        for number in numbers:
            found = dwarf.constant(prefix + number.name)
            if found != number:
                raise WireMismatchError(prefix + number.name, found, int(number))


def layout_contradictions(dwarf: DwarfFacts, layout: Layout, facts: GuestFacts) -> Iterator[str]:
    """The differences of the guest's layout from the one that its module was compiled for."""
    compiled = {
        "FIX_KMAP_BEGIN": (dwarf.constant("FIX_KMAP_BEGIN"), layout.fix_kmap_begin),
        "FIX_KMAP_END": (dwarf.constant("FIX_KMAP_END"), layout.fix_kmap_end),
        "slots of all windows": (
            dwarf.constant("FIX_KMAP_END") - dwarf.constant("FIX_KMAP_BEGIN") + 1,
            layout.window * layout.nr_cpus,
        ),
        "sizeof(struct page)": (dwarf.struct("page").size, facts.struct_page_size),
    }
    if layout.generation is Generation.LOCAL:
        offset = dwarf.struct("task_struct").members["kmap_ctrl"].offset
        compiled["offset of task_struct.kmap_ctrl"] = (offset, facts.kmap_ctrl_offset)
    for name, (wanted, found) in compiled.items():
        if wanted != found:
            yield f"{name} is {found} in the guest and {wanted} in the module's DWARF"
