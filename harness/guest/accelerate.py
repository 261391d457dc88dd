"""KVM only where a guest has really booted with it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError
from harness.guest.shape import Accelerator, Shape

DEVICE = Path("/dev/kvm")


def usable(
    shape: Shape, boot: Callable[[Shape], AbstractContextManager[object]]
) -> tuple[Shape, str]:
    """*shape* as it can be run here, and what to tell the user ("" where nothing was changed).

    With ``accelerator=kvm`` a probe guest with one CPU is booted first; *boot* raises where
    it does not come up.
    """
    if shape.accelerator is not Accelerator.KVM:
        return shape, ""
    software = replace(shape, accelerator=Accelerator.TCG)
    if not DEVICE.exists():
        return software, f"no {DEVICE} on this host: using software emulation"
    try:
        with boot(replace(shape, smp=1)):
            return shape, ""
    except HarnessError as error:
        return (
            software,
            f"a probe guest did not boot with KVM ({error.message}): using software emulation",
        )
