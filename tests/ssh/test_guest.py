"""A guest with SSH, really run: shell, files, a module exchanged, and the wire in between."""

import os
import shutil
import signal
import socket
import sys

import paramiko
import pexpect
import pytest
import typer
from typer.testing import CliRunner

from harness.base import project
from harness.base.progress import Quiet
from harness.cli import ssh as commands
from harness.errors import InfrastructureError, UsageError
from harness.guest.failure import AgentError
from harness.guest.shape import Shape
from harness.guest.ssh import guest_state as states
from harness.guest.ssh import launch
from harness.guest.ssh.attach import attach
from harness.guest.ssh.client import Client, SshError
from harness.guest.ssh.exchange import build_id_of, exchange
from harness.guest.ssh.guest_state import NoGuestError
from harness.model.records.operation import OpCode, Operation

pytestmark = [pytest.mark.guest, pytest.mark.network]
KERNEL = "debian-6.1-686-pae"
SHELL = """
import sys
from harness.guest.ssh import guest_state, shell
from harness.guest.ssh.client import Client

sys.exit(shell.shell(Client(guest_state.find("test"))))
"""


@pytest.fixture(scope="module")
def guest_state(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(states.ENVIRONMENT, str(tmp_path_factory.mktemp("rt")))
        state = commands.running_or_started("test", KERNEL, None, Shape(smp=2, memory=512))
        yield state
        launch.stop(state)
        assert not state.alive()
        with pytest.raises(NoGuestError):
            states.find("test")


@pytest.fixture
def changed(tmp_path):
    """The module's sources with a version of their own."""
    folder = tmp_path / "kmod"
    shutil.copytree(project.MODULE_SOURCES, folder)
    with (folder / "main.c").open("a") as file:
        file.write('MODULE_VERSION("changed-by-test");\n')
    return folder


def run(*arguments):
    app = typer.Typer(pretty_exceptions_enable=False)
    for command in (commands.ssh, commands.push, commands.pull):
        app.command(name=command.__name__)(command)
    return CliRunner().invoke(app, arguments)


def test_a_command_runs_in_the_guest(guest_state):
    with Client(guest_state) as client:
        assert client.run("uname -r").output.decode().strip() == guest_state.release
        assert client.run("cat; echo no >&2; exit 7", b"yes") == (7, b"yes", b"no\n")


def test_a_command_that_does_not_end_is_an_error(guest_state):
    with Client(guest_state) as client, pytest.raises(SshError, match="time is up"):
        client.run("sleep 100", seconds=0.5)


def test_another_key_is_not_let_in(guest_state):
    kept = guest_state.user_key.read_text()
    paramiko.ECDSAKey.generate(bits=256).write_private_key_file(str(guest_state.user_key))
    try:
        with pytest.raises(SshError, match="uthentication"):
            Client(guest_state)
    finally:
        guest_state.user_key.write_text(kept)


def test_another_server_is_not_believed(guest_state):
    kept = guest_state.known_hosts.read_text()
    guest_state.known_hosts.write_text(f"[127.0.0.1]:1 {kept.split(' ', 1)[1]}")
    try:
        with pytest.raises(SshError, match="not found in known_hosts"):
            Client(guest_state)
    finally:
        guest_state.known_hosts.write_text(kept)


def test_only_the_loopback_listens(guest_state):
    with socket.create_connection(("127.0.0.1", guest_state.port), 5):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", guest_state.port), 5)


def test_files_come_and_go(guest_state, tmp_path):
    data = bytes(range(256)) * 1000
    with Client(guest_state) as client:
        client.run("mkdir -p /tmp/d/e")
        client.put(data, "/tmp/d/e/f g")
        (file,) = client.get("/tmp/d/e/f g", tmp_path / "one")
        assert file.read_bytes() == data
        assert [path.name for path in client.get("/tmp/d", tmp_path / "all")] == ["f g"]
        with pytest.raises(UsageError, match="/nowhere"):
            client.get("/nowhere", tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_logs_are_pulled(guest_state, tmp_path):
    assert run("pull", "logs", str(tmp_path), "--name", "test").exit_code == 0
    assert "agent up" in (tmp_path / "console.log").read_text()
    assert "Linux version" in (tmp_path / "dmesg.log").read_text()


def test_a_shell_follows_its_terminal(guest_state):
    child = pexpect.spawn(
        sys.executable, ["-c", SHELL], dimensions=(30, 90), timeout=30, encoding="utf-8"
    )
    child.expect("# ")
    child.sendline("stty size")
    child.expect("30 90")
    child.setwinsize(40, 100)
    child.expect("# ")
    child.sendline("sleep 1; stty size")
    child.expect("40 100")
    child.sendline("exit 5")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 5


def test_a_changed_module_is_pushed_and_answers(guest_state, changed):
    said = run("push", "--module-dir", str(changed), "--name", "test")
    assert said.exit_code == 0, said.exception
    assert build_id_of(guest_state.module) in said.output
    with Client(guest_state) as client:
        version = client.run("cat /sys/module/kmap_harness/version")
        assert version.output.strip() == b"changed-by-test"
    with attach(guest_state) as guest:
        assert guest.ping(b"still there") == b"still there"


def test_the_chain_of_steps_goes_on_for_the_next_command(guest_state):
    for _ in range(2):
        with attach(guest_state) as guest:
            guest.tasks([0])
            assert len(guest.run([Operation(OpCode.NOP, 0)] * 3)) == 3
            guest.snapshot()
            assert guest.witness()


def test_one_command_at_a_time_has_the_wire(guest_state):
    with attach(guest_state), pytest.raises(UsageError, match="in use"):
        attach(guest_state)


def test_a_refused_module_leaves_the_one_before(guest_state, tmp_path):
    before = build_id_of(guest_state.module)
    broken = tmp_path / "kmap_harness.ko"
    data = guest_state.module.read_bytes()
    broken.write_bytes(data.replace(b" mod_unload ", b" mod_unl0ad "))
    with attach(guest_state) as guest, pytest.raises(AgentError, match="loaded again"):
        exchange(guest_state, guest, broken)
    assert build_id_of(guest_state.module) == before
    with attach(guest_state) as guest:
        assert guest.info()[1].release == guest_state.release


def test_another_kernel_in_the_same_guest_is_refused(guest_state):
    with pytest.raises(UsageError, match=r"runs debian-6\.1-686-pae, not debian-5\.10-686"):
        commands.running_or_started("test", "debian-5.10-686", None, Shape())


def test_a_module_that_does_not_compile_is_not_pushed(guest_state, changed):
    with (changed / "main.c").open("a") as file:
        file.write("int broken(void) { return nothing; }\n")
    with pytest.raises(UsageError, match=r"main\.c"):
        commands.built_for(guest_state, changed, Quiet())


def test_a_guest_that_is_killed_is_the_hosts_fault(guest_state):
    with attach(guest_state) as guest:
        os.kill(guest_state.pid, signal.SIGKILL)
        with pytest.raises(InfrastructureError):
            guest.ping()
    with pytest.raises(NoGuestError):
        states.find("test")
