"""The guest's initramfs: the agent as /init, the module, and what the wire needs of the kernel package."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.errors import UsageError
from harness.guest import cpio
from harness.guest.shape import Shape, Wire

MODULE_FOLDER = "lib/kmh"
HARNESS_MODULE = "kmap_harness"

SCRIPT = f"{MODULE_FOLDER}/script"
"""``KMH_SCRIPT``."""


@dataclass(frozen=True, slots=True)
class Initramfs:
    """An initramfs: its bytes, and the names of the modules to load, in that order, before the link is up."""

    archive: bytes
    modules: tuple[str, ...]


def wire_modules(shape: Shape) -> tuple[str, ...]:
    """Return the modules that the wire needs; a kernel with one built in has no file of that name."""
    if shape.wire is Wire.SERIAL:
        return ()
    return (f"virtio_{shape.architecture.emulated.bus}", "virtio_console")


def build_initramfs(
    agent: bytes,
    module: bytes,
    modules_dir: Path | None,
    shape: Shape,
    script: Sequence[bytes] = (),
) -> Initramfs:
    """The image of *agent* and *module* for a kernel whose modules lie under *modules_dir*.

    *script*: requests (``struct kmh_request`` and its body) that the agent executes before the link is up.

    Raises UsageError where a file of the kernel's modules cannot be read as one.
    """
    files = _module_files(modules_dir) if modules_dir else {}
    order = load_order(wire_modules(shape), files)
    members = [
        cpio.regular("init", agent, 0o755),
        cpio.regular(f"{MODULE_FOLDER}/{HARNESS_MODULE}.ko", module),
        *(cpio.regular(f"{MODULE_FOLDER}/{name}.ko", files[name].read_bytes()) for name in order),
        *([cpio.regular(SCRIPT, b"".join(script))] if script else []),
        *(cpio.directory(name) for name in ("dev", "proc", "sys")),
        cpio.character("dev/console", 5, 1),
    ]
    return Initramfs(cpio.pack(members), order)


def load_order(wanted: Iterable[str], files: Mapping[str, Path]) -> tuple[str, ...]:
    """*wanted* and everything they depend on, dependencies first; names without a file are built in."""
    order: list[str] = []

    def visit(name: str) -> None:
        if name in files and name not in order:
            for dependency in dependencies(files[name]):
                visit(dependency)
            order.append(name)

    for name in wanted:
        visit(name)
    return tuple(order)


def dependencies(path: Path) -> tuple[str, ...]:
    """The names in ``depends=`` of a module's ``.modinfo``: there even where depmod never ran."""
    fields = modinfo(path.read_bytes(), str(path))
    return tuple(name.replace("-", "_") for name in fields.get("depends", "").split(",") if name)


def modinfo(module: bytes, name: str) -> Mapping[str, str]:
    """The ``key=value`` pairs of a module's ``.modinfo`` section."""
    try:
        section = ELFFile(BytesIO(module)).get_section_by_name(".modinfo")
    except ELFError as error:
        raise UsageError(
            f"{name} is no kernel module: {error}", hint="give an uncompressed .ko"
        ) from error
    if section is None:
        raise UsageError(
            f"{name} has no .modinfo section", hint="give a linked .ko, not an object file"
        )
    pairs = (entry.partition(b"=") for entry in section.data().split(b"\0") if entry)
    return {key.decode(): value.decode() for key, _, value in pairs}


def _module_files(modules_dir: Path) -> dict[str, Path]:
    """Module name to file, for the folders where virtio and the console driver live."""
    folders = (
        modules_dir / "kernel" / "drivers" / "virtio",
        modules_dir / "kernel" / "drivers" / "char",
    )
    return {
        path.stem.replace("-", "_"): path
        for folder in folders
        for path in (folder.glob("virtio*.ko") if folder.is_dir() else ())
    }
