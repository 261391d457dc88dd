"""The machine must be what was asked for, before any verdict."""

from types import SimpleNamespace

import pytest

from harness.architecture.i386 import I386
from harness.errors import InfrastructureError
from harness.guest.shape import Shape
from harness.kernel.kernel_record import KernelConfig
from harness.run.machine_check import WrongMachineError, require_machine
from tests.compare.model_guest import LOCAL

CONFIG = "CONFIG_X86_PAE=y\nCONFIG_SMP=y\nCONFIG_HIGHMEM=y\n"
FACTS = SimpleNamespace(release="6.1", highmem_pages=100)


def kernel(config=CONFIG, system_map=None):
    return SimpleNamespace(
        release="6.1",
        config=KernelConfig.parse(config),
        system_map=system_map,
        architecture=I386,
        pae="CONFIG_X86_PAE=y" in config,
        uses_high_frames=False,
    )


def test_what_was_asked_for_passes():
    require_machine(kernel(), Shape(smp=2), LOCAL, FACTS)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("release is 6.2, not 6.1", {"facts": SimpleNamespace(release="6.2", highmem_pages=1)}),
        ("no highmem pages", {"facts": SimpleNamespace(release="6.1", highmem_pages=0)}),
        ("CPUs is 2, not 4", {"shape": Shape(smp=4)}),
        ("PAE is True, not False", {"kernel": kernel("CONFIG_SMP=y\nCONFIG_HIGHMEM=y\n")}),
        ("LAST_PKMAP is 1024, not 512", {"layout": LOCAL._replace(last_pkmap=1024)}),
        ("PREEMPT_RT is False, not True", {"kernel": kernel(CONFIG + "CONFIG_PREEMPT_RT=y\n")}),
        ("DEBUG_KMAP_LOCAL is True, not False", {"layout": LOCAL._replace(debug_kmap_local=True)}),
        (
            "the kernel has no CONFIG_HIGHMEM",
            {"kernel": kernel("CONFIG_X86_PAE=y\nCONFIG_SMP=y\n")},
        ),
    ],
)
def test_each_difference_is_named(words, changes):
    given = {"kernel": kernel(), "shape": Shape(smp=2), "layout": LOCAL, "facts": FACTS} | changes
    with pytest.raises(WrongMachineError, match=words) as caught:
        require_machine(**given)
    assert isinstance(caught.value, InfrastructureError)
    assert caught.value.hint


def test_a_kernel_that_counts_no_highmem_is_wrong_where_ram_lies_above_lowmem():
    none = SimpleNamespace(release="6.1", highmem_pages=0)
    require_machine(kernel(), Shape(smp=2, memory=512, highmem=None), LOCAL, none)
    high = Shape(smp=2, memory=256, below=128, highmem=None)
    with pytest.raises(WrongMachineError, match="no highmem pages"):
        require_machine(kernel(), high, LOCAL, none)


def test_a_kernel_without_smp_has_one_cpu():
    config = CONFIG.replace("CONFIG_SMP=y\n", "")
    require_machine(kernel(config), Shape(smp=4), LOCAL._replace(online_cpus=1), FACTS)


MAP = """c126ec10 T kunmap_high
c1ee0220 b pkmap_count
c1edc1c4 b last_pkmap_nr.1
c1d04420 d pkmap_map_wait.0
"""
DECODED = {
    "text_anchor": 0xC126EC10,
    "pkmap_count": 0xC1EE0220,
    "last_pkmap_nr": 0xC1EDC1C4,
    "pkmap_page_table": 0,
    "pkmap_map_wait": 0xC1D04420,
    "page_address_htable": 0xC1EDC200,
}


def require_decoded(tmp_path, *, kaslr=False, **changes):
    path = tmp_path / "System.map"
    path.write_text(MAP)
    facts = SimpleNamespace(release="6.1", highmem_pages=100, **(DECODED | changes))
    shape = Shape(smp=2, kaslr=kaslr, memory=1536, highmem=None)
    require_machine(kernel(system_map=path), shape, LOCAL, facts)


def moved(by):
    return {name: address and address + by for name, address in DECODED.items()}


def test_decoded_addresses_are_those_of_the_map(tmp_path):
    require_decoded(tmp_path)
    require_decoded(tmp_path, kaslr=True, **moved(0x200_0000))


def test_a_wrong_decoded_address_is_named(tmp_path):
    with pytest.raises(WrongMachineError, match="pkmap_count was decoded as 0xc1ee0224"):
        require_decoded(tmp_path, pkmap_count=0xC1EE0224)


def test_a_kernel_that_moved_unasked_is_told(tmp_path):
    with pytest.raises(WrongMachineError, match="moved by 0x2000000 without KASLR"):
        require_decoded(tmp_path, **moved(0x200_0000))
