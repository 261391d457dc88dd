"""The guest's initramfs: the agent as /init, the module, and the modules that the wire needs."""

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
    """An initramfs: its bytes, and the names of the modules that the agent loads, in order."""

    archive: bytes
    modules: tuple[str, ...]


def wire_modules(shape: Shape) -> tuple[str, ...]:
    """Return the names of the modules that the wire needs, unless they are built in."""
    if shape.wire is Wire.SERIAL:
        return ()
    return (f"virtio_{shape.architecture.emulated.bus}", "virtio_console")


def missing_modules(modules_dir: Path | None, shape: Shape) -> tuple[str, ...]:
    """Return the names of the wire's modules without a file: they must be built in."""
    files = _module_files(modules_dir) if modules_dir else {}
    return tuple(name for name in wire_modules(shape) if name not in files)


def build_initramfs(
    agent: bytes,
    module: bytes,
    modules_dir: Path | None,
    shape: Shape,
    script: Sequence[bytes] = (),
) -> Initramfs:
    """Build the initramfs of *agent* and *module* for a kernel with its modules in *modules_dir*.

    The agent executes the requests of *script* (``struct kmh_request`` and its body) before the
    link is up. Raises UsageError where a file of the kernel's modules cannot be read as one.
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
    """Return *wanted* and all dependencies, these first; modules without a file are built in."""
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
    """Return the names in ``depends=`` of a module's ``.modinfo``, which needs no depmod."""
    fields = modinfo(path.read_bytes(), str(path))
    return tuple(name.replace("-", "_") for name in fields.get("depends", "").split(",") if name)


def modinfo(module: bytes, name: str) -> Mapping[str, str]:
    """Return the ``key=value`` pairs of a module's ``.modinfo`` section."""
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
    """Return the files of the virtio modules by module name."""
    folders = (
        modules_dir / "kernel" / "drivers" / "virtio",
        modules_dir / "kernel" / "drivers" / "char",
    )
    return {
        path.stem.replace("-", "_"): path
        for folder in folders
        for path in (folder.glob("virtio*.ko") if folder.is_dir() else ())
    }
