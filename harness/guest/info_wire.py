"""The answer to INFO, in which the module describes its kernel."""

from collections.abc import Sequence

from harness.guest.failure import WireError
from harness.guest.protocol import (
    INFO,
    PROTS,
    VERSION,
    VERSIONS,
    Config,
    Evidence,
    GuestFacts,
)
from harness.model.records.layout import Generation, Layout

_GENERATIONS = {2: Generation.STACK, 3: Generation.LOCAL}
_SIGN = 1 << 31


def decode_info(body: memoryview) -> tuple[Layout, GuestFacts]:
    """Decode layout and facts of a guest's kernel; raises WireError for another version."""
    if len(body) != INFO.size:
        raise WireError(
            f"struct kmh_info has {len(body)} bytes, {INFO.size} expected",
            hint="rebuild the module",
        )
    *words, release, build = INFO.unpack(body)
    if words[0] != VERSION:
        raise WireError(
            f"the module speaks version {words[0]}, not {VERSION}", hint="rebuild the module"
        )
    if words[1] not in _GENERATIONS:
        raise WireError(f"the module names generation {words[1]}", hint=VERSIONS)
    return _layout(words), _facts(words, _text(release), _text(build))


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode(errors="replace")


def _layout(words: Sequence[int]) -> Layout:
    generation, config = _GENERATIONS[words[1]], Config(words[2])
    return Layout(
        generation=generation,
        pae=Config.PAE in config,
        smp=Config.SMP in config,
        rt=Config.RT in config,
        preempt_count=Config.PREEMPT_COUNT in config,
        debug_highmem=Config.DEBUG_HIGHMEM in config,
        debug_kmap_local=Config.DEBUG_KMAP_LOCAL in config,
        force_map=Config.FORCE_MAP in config,
        debug_atomic_sleep=Config.DEBUG_ATOMIC_SLEEP in config,
        pkmap_base=words[4],
        last_pkmap=words[5],
        fixaddr_top=words[6],
        fix_kmap_begin=words[7],
        fix_kmap_end=words[8],
        window=words[9],
        windows=_windows(words),
        nr_cpus=words[10],
        online_cpus=words[11],
        page_offset=words[12],
        high_memory=words[13],
        fixaddr_start=words[14],
        kmap_prot=words[16] | words[17] << 32,
        prots=_prots(words[38 : 38 + 2 * PROTS]),
        instructions=tuple(words[38 + 2 * PROTS :]),
        typed_top=words[32],
        typed_count=words[33],
        pat=Config.PAT in config,
        to_page_local=Config.TO_PAGE_LOCAL in config,
        kmap_atomic_prot=Config.ATOMIC_PROT in config,
        folios=Config.FOLIOS in config,
        helpers=words[37],
        helpers_local=Config.HELPERS_LOCAL in config,
    )


def _windows(words: Sequence[int]) -> tuple[int, ...]:
    """The order of windows that do not lie one after the other; its numbers have signs."""
    order = tuple((one ^ _SIGN) - _SIGN for one in words[34:37])
    return () if order == (words[7], 1, words[9]) else order


def _prots(words: Sequence[int]) -> tuple[int, ...]:
    """PTE flags of each protection: the low halves come first."""
    return tuple(low | high << 32 for low, high in zip(words[:PROTS], words[PROTS:], strict=True))


def _facts(words: Sequence[int], release: str, build: str) -> GuestFacts:
    return GuestFacts(
        release=release,
        build=build,
        config=Config(words[2]),
        evidence=Evidence(words[3]),
        hz=words[15],
        highmem_pages=words[18],
        lowmem_pages=words[19],
        hash_shift=words[20],
        struct_page_size=words[21],
        mem_map=words[22],
        pkmap_count=words[23],
        last_pkmap_nr=words[24],
        pkmap_page_table=words[25],
        pkmap_map_wait=words[26],
        page_address_htable=words[27],
        text_anchor=words[28],
        swapper_pg_dir=words[29],
        kmap_ctrl_offset=words[30],
        step_counter=words[31],
    )
