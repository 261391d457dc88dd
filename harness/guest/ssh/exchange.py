"""A module exchanged in a running guest, without a reboot, with proof that the new one runs."""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.errors import HarnessError, InfrastructureError, UsageError
from harness.guest.failure import AgentError
from harness.guest.initramfs import HARNESS_MODULE
from harness.guest.ssh.attach import AttachedGuest
from harness.guest.ssh.client import Client, write_whole
from harness.guest.ssh.guest_state import GuestState

BUILD_ID_SECTION = ".note.gnu.build-id"
NOTE_HEADER = struct.Struct("<3I")


class ExchangeError(InfrastructureError):
    """The module in the guest is not the new one."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Build ids (as in ``file``'s output) of the module that was loaded and of the one that is."""

    old: str
    new: str


def build_id(notes: bytes) -> str:
    """Return the build id in an ELF note section, or an empty text.

    The module's section is also in /sys/module/NAME/notes/.note.gnu.build-id.
    """
    at = 0
    while at + NOTE_HEADER.size <= len(notes):
        name, size, kind = NOTE_HEADER.unpack_from(notes, at)
        start = at + NOTE_HEADER.size + (name + 3 & ~3)
        if kind == 3 and notes[at + NOTE_HEADER.size :].startswith(b"GNU\0"):
            return notes[start : start + size].hex()
        at = start + (size + 3 & ~3)
    return ""


def build_id_of(module: Path) -> str:
    """The build id of a module's file; empty where it has none."""
    try:
        section = ELFFile(io.BytesIO(module.read_bytes())).get_section_by_name(BUILD_ID_SECTION)
    except (OSError, ELFError) as error:
        raise UsageError(
            f"{module} is no kernel module: {error}", hint="give a linked .ko"
        ) from error
    return build_id(section.data()) if section else ""


def loaded_build_id(client: Client) -> str:
    """The build id of the module that the guest's kernel has loaded; empty when it has none."""
    finished = client.run(f"cat /sys/module/{HARNESS_MODULE}/notes/{BUILD_ID_SECTION}")
    return build_id(finished.output) if finished.status == 0 else ""


def exchange(state: GuestState, guest: AttachedGuest, module: Path) -> Exchanged:
    """Replace the module of *guest* by *module*.

    The agent unloads and loads, since it has the device open; SSH reads what is loaded before and
    after. Where the kernel refuses the new module, the former one is loaded again. Raises
    AgentError (the kernel's refusal) and :class:`ExchangeError`.
    """
    wanted = build_id_of(module)
    with Client(state) as client:
        old = loaded_build_id(client)
        _replace(state, guest, module)
        new = loaded_build_id(client)
    if new != wanted:
        raise ExchangeError(
            f"the guest {state.name!r} runs the module {new or 'without a build id'},"
            f" not {wanted}",
            hint="start the guest anew: kmap-harness ssh --stop",
        )
    write_whole(state.module, module.read_bytes())
    return Exchanged(old, new)


def _replace(state: GuestState, guest: AttachedGuest, module: Path) -> None:
    guest.unload()
    try:
        guest.load(module.read_bytes())
    except AgentError as error:
        raise AgentError(
            f"the kernel refuses {module}: {error.message}"
            f"{_restored(state, guest)}{_console(guest)}",
            errno=error.errno,
            hint="the kernel's reason stands on the guest's console",
        ) from error


def _restored(state: GuestState, guest: AttachedGuest) -> str:
    """Load the former module again, and return words about the outcome."""
    try:
        guest.load(state.module.read_bytes())
    except (HarnessError, OSError) as error:
        return f"; nor does it take the one of before: {error}"
    return "; the one of before is loaded again"


def _console(guest: AttachedGuest) -> str:
    guest.session.drain()
    return guest.session.last_words()
