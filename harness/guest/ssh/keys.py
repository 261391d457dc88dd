"""Keys of one run: the user's and the server's, both made here, so that each end knows the other.

ECDSA on NIST P-256: the newest kind that paramiko generates and that dropbear (2020.79 on) reads.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from paramiko import ECDSAKey

from harness.guest.cpio import ArchiveMember, regular
from harness.guest.ssh.guest_state import KEY, KNOWN_HOSTS

CURVE_BITS = 256


@dataclass(frozen=True, slots=True)
class Keys:
    """The files of the user's private key (mode 0600) and of the server's line for known_hosts."""

    user: Path
    known_hosts: Path


def make_keys(folder: Path, host: str, port: int) -> tuple[Keys, tuple[ArchiveMember, ...]]:
    """Make keys in *folder* for a server at *host*:*port*; return them and the guest's files."""
    user, server = (ECDSAKey.generate(bits=CURVE_BITS) for _ in range(2))
    keys = Keys(folder / KEY, folder / KNOWN_HOSTS)
    server_file = folder / "server_key"
    user.write_private_key_file(str(keys.user))
    server.write_private_key_file(str(server_file))
    private = server_file.read_bytes()
    server_file.unlink()
    keys.known_hosts.write_text(known_hosts_line(server, host, port), encoding="ascii")
    return keys, (
        regular("etc/dropbear/openssh_host_key", private, 0o600),
        regular("root/.ssh/authorized_keys", _public(user).encode(), 0o600),
    )


def held_key(keys: Keys) -> int:
    """Take the user's private key off the disk; return the descriptor of a file without a name.

    A process with the descriptor has the key: when the last such process is gone, so is the key.
    """
    descriptor = os.memfd_create("kmap-harness-key", os.MFD_CLOEXEC)
    os.fchmod(descriptor, 0o600)
    os.write(descriptor, keys.user.read_bytes())
    keys.user.unlink()
    return descriptor


def lend_key(keys: Keys, pid: int, descriptor: int) -> None:
    """Let the name of the key lead to process *pid*, which has it under *descriptor*."""
    keys.user.symlink_to(f"/proc/{pid}/fd/{descriptor}")


def known_hosts_line(key: ECDSAKey, host: str, port: int) -> str:
    """One line as sshd(8) describes known_hosts, for any port."""
    return f"[{host}]:{port} {_public(key)}"


def _public(key: ECDSAKey) -> str:
    return f"{key.get_name()} {key.get_base64()}\n"
