"""What is left when a guest with SSH does not come up: an error, and nothing that runs."""

import pytest

from harness.base.progress import Quiet
from harness.errors import HarnessError, KernelError
from harness.guest.failure import QemuExitedError
from harness.guest.shape import Shape
from harness.guest.ssh import guest_state as states
from harness.guest.ssh import launch
from harness.guest.ssh.guest_recipe import GuestRecipe
from harness.guest.ssh.launch import KernelOrigin, SshGuestOrder
from harness.guest.ssh.ssh_initramfs import SshImageParts
from harness.run.prepare import prepare

pytestmark = [pytest.mark.guest, pytest.mark.network]


@pytest.fixture
def order(tmp_path, monkeypatch):
    """An order for a guest whose process 1 cannot be executed."""
    monkeypatch.setenv(states.ENVIRONMENT, str(tmp_path))
    monkeypatch.setattr(launch, "_spawn", remembering(launch._spawn, monkeypatch))
    prepared = prepare("debian-6.1-686-pae", None, Quiet())
    (agent := tmp_path / "agent").write_text("no program")
    (tmp_path / "rc").write_text("")
    parts = SshImageParts(
        agent, prepared.module.path, GuestRecipe(tmp_path, "bookworm", (), (), ()), ()
    )
    return SshGuestOrder(KernelOrigin("debian-6.1-686-pae"), prepared.kernel, Shape(smp=1), parts)


spawned = []


def remembering(spawn, monkeypatch):
    def remember(*arguments):
        spawned.append(spawn(*arguments))
        return spawned[-1]

    return remember


def test_a_panic_at_boot_is_told_and_leaves_nothing(order):
    with pytest.raises(KernelError, match="panic"):
        launch.start("broken", order)
    assert spawned[-1].poll() is not None
    assert not list(states.running())


def test_a_port_that_is_taken_is_tried_anew_and_then_told(order, monkeypatch):
    tries = []
    monkeypatch.setattr(launch, "free_port", lambda: tries.append(1) or 1 << 17)
    with pytest.raises(HarnessError, match="host forwarding rule"):
        launch.start("broken", order)
    assert len(tries) == launch.PORT_TRIES


def test_qemus_own_words_are_quoted(order, monkeypatch):
    monkeypatch.setattr(launch, "network", lambda _port, _bus: ("-no-such-option",))
    with pytest.raises(QemuExitedError, match="no-such-option"):
        launch.start("broken", order)
    assert spawned[-1].poll() is not None
