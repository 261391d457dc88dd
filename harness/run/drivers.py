"""Drivers that a kernel needs for a machine, checked before a boot that would be silent."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.errors import UsageError
from harness.guest.initramfs import missing_modules
from harness.guest.shape import Shape, Wire
from harness.kernel.kernel_record import Kernel


def require_drivers(kernel: Kernel, shape: Shape) -> None:
    """Raise UsageError where *kernel* lacks the drivers of the wire, or has fewer CPUs."""
    for module in missing_modules(kernel.modules_dir, shape):
        option = f"CONFIG_{module.upper()}"
        value = kernel.config.get(option)
        if value != "y":
            why = "as a module, whose file is not there" if value == "m" else "not at all"
            raise UsageError(
                f"{kernel.release} has {option} {why}, and talks to nobody over virtio",
                hint=_hint(option, shape),
            )
    most = kernel.config.get("CONFIG_NR_CPUS")
    if kernel.config.enabled("CONFIG_SMP") and most.isdigit() and shape.smp > int(most):
        raise UsageError(
            f"{shape.smp} CPUs asked for, and {kernel.release} knows {most} (CONFIG_NR_CPUS)",
            hint=f"--smp {most}, or a kernel that is built for more",
        )


def require_network(kernel: Kernel, drivers: Mapping[str, Path], wanted: Iterable[str]) -> None:
    """Raise UsageError where *kernel* has no network, over which SSH could come in.

    *drivers* are the files of its network modules, *wanted* those that the guest loads.
    """
    drivers_of = {f"CONFIG_{name.upper()}": name for name in wanted}
    for option in ("CONFIG_NET", "CONFIG_INET", *drivers_of):
        value = kernel.config.get(option)
        if value != "y" and (value != "m" or drivers_of.get(option) not in drivers):
            why = "as a module, whose file is not there" if value == "m" else "not at all"
            raise UsageError(
                f"{kernel.release} has {option} {why}, and SSH needs a network",
                hint=f"take a Debian kernel that `kernels` lists, or build it with {option}=y",
            )


def _hint(option: str, shape: Shape) -> str:
    built_in = f"build it with {option}=y"
    return f"{built_in}, or add --shape wire=serial" if shape.wire is not Wire.SERIAL else built_in
