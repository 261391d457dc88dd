"""Sources of kernels: packages, builds, the cache, and facts read from ELF files."""

from harness.kernel.build import BuildError, Built, build_module, build_program
from harness.kernel.catalogue import StockKernel, UnknownKernelError, known
from harness.kernel.dwarf import DwarfError, DwarfFacts, read_dwarf
from harness.kernel.kernel_record import Kernel, KernelConfig
from harness.kernel.module import ModuleMismatchError, check_module
from harness.kernel.status import KernelStatus, statuses
from harness.kernel.stock import KernelUnobtainableError, obtain
from harness.kernel.user import user_kernel

__all__ = [
    "BuildError",
    "Built",
    "DwarfError",
    "DwarfFacts",
    "Kernel",
    "KernelConfig",
    "KernelStatus",
    "KernelUnobtainableError",
    "ModuleMismatchError",
    "StockKernel",
    "UnknownKernelError",
    "build_module",
    "build_program",
    "check_module",
    "known",
    "obtain",
    "read_dwarf",
    "statuses",
    "user_kernel",
]
