"""The machine must be what was asked for, before any verdict."""

from types import SimpleNamespace

import pytest

from harness.errors import InfrastructureError
from harness.guest.shape import Shape
from harness.kernel.record import KernelConfig
from harness.run.expected import WrongMachineError, require_machine
from tests.compare.model_guest import LOCAL

CONFIG = "CONFIG_X86_PAE=y\nCONFIG_SMP=y\nCONFIG_HIGHMEM=y\n"
FACTS = SimpleNamespace(release="6.1", highmem_pages=100)


def kernel(config=CONFIG):
    return SimpleNamespace(release="6.1", config=KernelConfig.parse(config))


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
        ("the kernel has no CONFIG_HIGHMEM", {"kernel": kernel("CONFIG_X86_PAE=y\nCONFIG_SMP=y\n")}),
    ],
)
def test_each_difference_is_named(words, changes):
    given = {"kernel": kernel(), "shape": Shape(smp=2), "layout": LOCAL, "facts": FACTS} | changes
    with pytest.raises(WrongMachineError, match=words) as caught:
        require_machine(**given)
    assert isinstance(caught.value, InfrastructureError)
    assert caught.value.hint


def test_a_kernel_without_smp_has_one_cpu():
    config = CONFIG.replace("CONFIG_SMP=y\n", "")
    require_machine(kernel(config), Shape(smp=4), LOCAL._replace(online_cpus=1), FACTS)
