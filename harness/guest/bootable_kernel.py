"""Facts that a guest needs about a kernel."""

from pathlib import Path
from typing import Protocol

from harness.errors import UsageError
from harness.guest.shape import Shape


class BootableKernel(Protocol):
    """Facts that a guest needs about a kernel; harness.kernel.kernel_record.Kernel has them."""

    @property
    def release(self) -> str:
        """As ``uname -r`` prints it."""

    @property
    def content_hash(self) -> str:
        """Names the image and its modules by their contents."""

    @property
    def boot_image(self) -> Path:
        """The file for QEMU's ``-kernel``: a vmlinux with a PVH note, or a bzImage."""

    @property
    def bzimage(self) -> Path | None:
        """The compressed image, where there is one."""

    @property
    def system_map(self) -> Path | None:
        """Its System.map, where there is one."""

    @property
    def modules_dir(self) -> Path | None:
        """``lib/modules/RELEASE``, where there are modules."""


def image_for(kernel: BootableKernel, shape: Shape) -> Path:
    """The file to boot: only the compressed image can move itself (boot/compressed/kaslr.c).

    Raises UsageError where KASLR is asked for and there is none.
    """
    if not shape.kaslr:
        return kernel.boot_image
    if kernel.bzimage is None:
        name = shape.architecture.image.name
        raise UsageError(
            f"KASLR needs a {name}: a vmlinux is not moved", hint=f"give --kernel a {name}"
        )
    return kernel.bzimage
