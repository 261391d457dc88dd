"""A guest to log in to: which kernel it gets, which are refused, and what is left of its keys."""

import dataclasses
import os
import subprocess
import sys
from types import SimpleNamespace

import paramiko
import pytest

from harness.cli import ssh as commands
from harness.cli.options import DEFAULT_KERNEL
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.ssh import guest_state as states
from harness.guest.ssh.guest_state import NoGuestError
from harness.guest.ssh.keys import held_key, lend_key, make_keys
from harness.kernel.kernel_record import KernelConfig
from harness.run.drivers import require_network
from tests.house.source_tree import TOP
from tests.ssh.test_state import made


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv(states.ENVIRONMENT, str(tmp_path))
    return tmp_path


# -- which kernel


def test_without_a_guest_the_default_kernel_is_booted(runtime, monkeypatch):
    """As the README says; it was an error."""
    started = []
    monkeypatch.setattr(commands, "_started", lambda *words: started.append(words[:3]))
    commands.running_or_started("default", None, None, Shape())
    commands.running_or_started("other", "6.1-x", None, Shape())
    assert started == [("default", DEFAULT_KERNEL, None), ("other", "6.1-x", None)]


def test_a_build_folder_alone_names_no_kernel(command, tmp_path):
    end = command("ssh", "--build-dir", ".", env={states.ENVIRONMENT: str(tmp_path)}).ended()
    assert (end.code, end.out) == (2, "")
    assert "hint: add --kernel FILE" in end.err


NETWORK = {"CONFIG_NET": "y", "CONFIG_INET": "y", "CONFIG_VIRTIO_NET": "y"}


@pytest.mark.parametrize(
    ("changes", "drivers", "words"),
    [
        ({}, {}, ""),
        ({"CONFIG_VIRTIO_NET": "m"}, {"virtio_net": "file"}, ""),
        ({"CONFIG_VIRTIO_NET": "m"}, {}, "CONFIG_VIRTIO_NET as a module, whose file is not there"),
        ({"CONFIG_VIRTIO_NET": ""}, {"virtio_net": "file"}, "CONFIG_VIRTIO_NET not at all"),
        ({"CONFIG_NET": ""}, {}, "CONFIG_NET not at all"),
        ({"CONFIG_INET": ""}, {}, "CONFIG_INET not at all"),
    ],
)
def test_a_kernel_without_a_network_is_refused(changes, drivers, words):
    """It was booted, and after 78 s there was a traceback of another library."""
    settings = {**NETWORK, **changes}
    text = "".join(f"{name}={value}\n" for name, value in settings.items() if value)
    kernel = SimpleNamespace(config=KernelConfig.parse(text), release="6.1.0")
    if not words:
        require_network(kernel, drivers, ("virtio_net",))
        return
    with pytest.raises(UsageError, match=words) as raised:
        require_network(kernel, drivers, ("virtio_net",))
    assert "Debian kernel" in raised.value.hint


@pytest.mark.guest
def test_a_kernel_that_has_none_is_refused_by_the_command(command, tmp_path, tree61):
    end = command("ssh", "--kernel", "6.1-pae", env={states.ENVIRONMENT: str(tmp_path)}).ended()
    assert (end.code, end.out) == (2, "")
    assert "has CONFIG_NET not at all, and SSH needs a network" in end.err
    assert not (tmp_path / "ssh").exists()


SILENCE = """
import dataclasses, socket, sys
from harness.guest.ssh import client, guest_state, keys
from tests.ssh.test_state import made

client.CONNECT_SECONDS = 0.3
state = made(guest_state.new_folder("default"))
keys.make_keys(state.folder, guest_state.LOOPBACK, 1)
with socket.create_server((guest_state.LOOPBACK, 0)) as server:
    try:
        client.Client(dataclasses.replace(state, port=server.getsockname()[1]))
    except client.SshError as error:
        print(error.message)
"""


def test_a_server_that_says_nothing_is_one_message(runtime):
    """The library's thread printed a traceback of its own."""
    command = [sys.executable, "-c", SILENCE]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert "no SSH connection to the guest 'default'" in done.stdout
    assert done.stderr == ""


# -- keys


def test_the_key_is_gone_when_its_process_is(tmp_path):
    keys, _ = make_keys(tmp_path, states.LOOPBACK, 22)
    text = keys.user.read_text()
    descriptor = held_key(keys)
    assert not keys.user.exists()
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(descriptor,)) as process:
        os.close(descriptor)
        lend_key(keys, process.pid, descriptor)
        assert keys.user.read_text() == text
        assert keys.user.stat().st_mode & 0o777 == 0o600
        paramiko.ECDSAKey.from_private_key_file(str(keys.user))
        process.kill()
        process.wait()
    assert not keys.user.exists()
    assert text not in [path.read_text() for path in tmp_path.iterdir() if path.exists()]


def left(folder):
    """A guest that was killed, with all that it had."""
    state = dataclasses.replace(made(folder), started=1)
    state.save()
    for name in (states.KEY, states.KNOWN_HOSTS, states.IMAGE, *states.SOCKETS):
        (folder / name).write_text("x")
    (folder / "console.log").write_text("the kernel's last words")
    return state


@pytest.mark.parametrize("ask", ["find", "running"])
def test_what_a_dead_guest_has_left_is_removed_and_its_logs_stay(runtime, ask):
    folder = states.new_folder("default")
    left(folder)
    if ask == "find":
        with pytest.raises(NoGuestError, match="default"):
            states.find("default")
    else:
        assert list(states.running()) == []
    assert [path.name for path in folder.iterdir()] == ["console.log"]


def test_a_guest_that_is_just_being_started_is_left_alone(runtime):
    folder = states.new_folder("default")
    left(folder)
    (folder / states.FILE).unlink()
    before = sorted(folder.iterdir())
    with pytest.raises(NoGuestError):
        states.find("default")
    assert sorted(folder.iterdir()) == before


def test_a_running_guest_keeps_everything(runtime):
    folder = states.new_folder("default")
    left(folder)
    made(folder).save()
    before = sorted(folder.iterdir())
    assert states.find("default").alive()
    assert [one.name for one in states.running()] == ["default"]
    assert sorted(folder.iterdir()) == before
