"""What is known of a guest that runs on its own, and the keys of its run."""

import dataclasses
import os
import stat
import subprocess
from pathlib import Path

import paramiko
import pytest

from harness.errors import UsageError
from harness.guest.shape import Shape, Wire
from harness.guest.ssh import guest_state as states
from harness.guest.ssh import launch
from harness.guest.ssh.guest_state import GuestState, NoGuestError
from harness.guest.ssh.keys import make_keys


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv(states.ENVIRONMENT, str(tmp_path))
    return tmp_path


def made(folder, pid=None):
    pid = pid or os.getpid()
    return GuestState(
        name=folder.name,
        pid=pid,
        started=states.start_time(pid) or 0,
        port=40000,
        folder=folder,
        kernel="debian-6.1-686-pae",
        build_dir="",
        release="6.1.0-1-686-pae",
        boot_image=Path("/boot/vmlinux"),
        shape=Shape(smp=4, highmem=None, wire=Wire.SERIAL, extra=("kmh.ssh=1",)),
        modules=("virtio_pci", "virtio_net"),
        memory_fd=9,
    )


def test_a_state_is_found_again_as_it_was(runtime):
    state = made(states.new_folder("default"))
    state.save()
    assert states.find("default") == state
    assert list(states.running()) == [state]


def test_the_folder_is_private(runtime):
    assert stat.S_IMODE(states.new_folder("default").stat().st_mode) == 0o700


def test_a_process_of_the_same_number_is_not_the_guest(runtime):
    state = made(states.new_folder("default"))
    dataclasses.replace(state, started=state.started - 1).save()
    with pytest.raises(NoGuestError, match="default"):
        states.find("default")


def test_a_zombie_is_no_running_guest():
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert states.start_time(process.pid) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"pid": 1}'])
def test_a_broken_state_file_is_no_guest(runtime, text):
    (states.new_folder("default") / states.FILE).write_text(text)
    with pytest.raises(NoGuestError):
        states.find("default")


@pytest.mark.parametrize("name", ["", "..", "a/b"])
def test_names_that_are_no_folder_are_refused(runtime, name):
    with pytest.raises(UsageError, match="name"):
        states.new_folder(name)


def test_a_path_too_long_for_a_socket_is_refused(runtime):
    with pytest.raises(UsageError, match="too long"):
        states.new_folder("x" * 100)


def test_each_run_has_keys_of_its_own(tmp_path):
    first, files = make_keys(tmp_path, "127.0.0.1", 40022)
    authorized = next(member for member in files if member.path.endswith("authorized_keys")).data
    key = paramiko.ECDSAKey.from_private_key_file(str(first.user))
    assert authorized.split()[1].decode() == key.get_base64()
    assert stat.S_IMODE(first.user.stat().st_mode) == 0o600
    assert make_keys(tmp_path, "127.0.0.1", 40022)[1] != files


def test_the_server_key_is_known_for_its_port_and_lies_nowhere_on_the_host(tmp_path):
    keys, files = make_keys(tmp_path, "127.0.0.1", 40022)
    server = next(member for member in files if member.path.endswith("host_key")).data.decode()
    (private := tmp_path / "again").write_text(server)
    known = paramiko.HostKeys(str(keys.known_hosts))
    assert known.check("[127.0.0.1]:40022", paramiko.ECDSAKey.from_private_key_file(str(private)))
    private.unlink()
    assert not [path for path in tmp_path.iterdir() if path.read_text() == server]


def test_the_guest_is_reachable_on_the_loopback_only():
    joined = " ".join(launch.network(40022, "pci"))
    assert "hostfwd=tcp:127.0.0.1:40022-:22" in joined
    assert "restrict=on" in joined


def test_commas_in_paths_are_escaped_for_qemu():
    assert "path=/a,,b/wire," in launch.channels(Path("/a,b"), 3).wire
