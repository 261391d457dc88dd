"""Chooses the cells of a check: what the user names, or what the table of risks says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.check.builder import with_fragments
from harness.check.cell import USUAL, Cell
from harness.check.lane import Workload
from harness.check.risks import EXTRA_MOST, Place, Profile, places_of, risks_of
from harness.guest.shape_words import parse_shape
from harness.patch.patch import Patch
from harness.run.programs import Plan


@dataclass(frozen=True, slots=True)
class CellWishes:
    """The user's words: configurations, machines (words joined by ``+``), a profile.

    ``config`` is the check's own configuration where none is named.
    """

    config: str
    configs: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    profile: Profile = Profile.TOUCHED


def chosen_cells(
    wishes: CellWishes, patches: Sequence[Patch], workload: Workload, further: Plan
) -> tuple[tuple[Cell, ...], tuple[Place, ...]]:
    """The cells, those of one configuration together, and the places that are left out.

    Cells that the user names have the whole *workload*; the programs of those that the table adds
    are *further*.
    """
    configs = wishes.configs or (wishes.config,)
    named = [
        on_machine(Cell(config, workload), machine)
        for config in configs
        for machine in wishes.machines or (USUAL,)
    ]
    if wishes.machines:
        return tuple(named), ()
    places = places_of(patches, wishes.profile)
    most = EXTRA_MOST if wishes.profile is Profile.TOUCHED else len(places)
    added = list(_added(wishes, places, replace(workload, plan=further)))[:most]
    taken = {one.why for one in added}
    left = [one for one in risks_of(patches) if one.why not in taken]
    cells = (*named, *added)
    order = list(dict.fromkeys(one.config for one in cells))
    return tuple(sorted(cells, key=lambda one: order.index(one.config))), tuple(left)


def on_machine(cell: Cell, machine: str) -> Cell:
    """*cell* on the machine of these words, joined by ``+``.  Raises UsageError."""
    if machine == USUAL:
        return cell
    shape = parse_shape(machine.replace("+", ","), cell.workload.shape)
    return replace(cell, machine=machine, workload=replace(cell.workload, shape=shape))


def _added(wishes: CellWishes, places: Sequence[Place], workload: Workload) -> Iterator[Cell]:
    """The cells of *places*, as far as the check's own configuration can have them."""
    own = wishes.configs[0] if wishes.configs else wishes.config
    for place in places:
        config = with_fragments(own, place.config)
        if config and not (place.config and wishes.configs):
            wrong_use = workload.throwaway and "debug" in place.config
            work = replace(workload, throwaway=wrong_use, histories=place.histories)
            cell = Cell(config, work, why=place.why)
            yield on_machine(cell, place.machine or USUAL)
