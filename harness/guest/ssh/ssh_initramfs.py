"""The initramfs of the guest with SSH: packages, script and keys behind that of every guest."""

from dataclasses import dataclass
from pathlib import Path

from harness.guest import cpio
from harness.guest.cpio import ArchiveMember
from harness.guest.initramfs import MODULE_FOLDER, build_initramfs, load_order
from harness.guest.shape import Shape
from harness.guest.ssh.guest_recipe import GuestRecipe
from harness.guest.ssh.package_files import members

NETWORK_FOLDERS = ("drivers/virtio", "drivers/net", "net/core")
"""Below ``kernel`` of a kernel's modules; a driver elsewhere, or built in, has no file here."""


@dataclass(frozen=True, slots=True)
class SshImageParts:
    """The parts of such an initramfs: the agent, the module, the recipe and its packages."""

    agent: Path
    module: Path
    recipe: GuestRecipe
    debs: tuple[Path, ...]


def write_image(
    target: Path,
    parts: SshImageParts,
    modules_dir: Path | None,
    shape: Shape,
    more: tuple[ArchiveMember, ...],
) -> tuple[str, ...]:
    """Write the initramfs and return the names of the modules that the agent loads, in order.

    The kernel unpacks archives that follow one another (buffer-format.rst), each with its own
    trailer.
    """
    plain = build_initramfs(
        parts.agent.read_bytes(), parts.module.read_bytes(), modules_dir, shape
    )
    files = network_files(modules_dir) if modules_dir else {}
    network = [
        name for name in load_order(parts.recipe.modules, files) if name not in plain.modules
    ]
    drivers = (
        cpio.regular(f"{MODULE_FOLDER}/{name}.ko", files[name].read_bytes()) for name in network
    )
    fuller = (
        *members(parts.debs, parts.recipe.leave_out),
        *parts.recipe.own_files(),
        *drivers,
        *more,
    )
    target.touch(0o600)
    target.write_bytes(plain.archive + cpio.pack(fuller))
    return (*plain.modules, *network)


def network_files(modules_dir: Path) -> dict[str, Path]:
    """Module name to file, where the network drivers and what they need live."""
    folders = (modules_dir / "kernel" / name for name in NETWORK_FOLDERS)
    return {
        path.stem.replace("-", "_"): path
        for folder in folders
        for path in (folder.glob("*.ko") if folder.is_dir() else ())
    }
