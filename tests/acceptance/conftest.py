"""One stock kernel for all tests here: fetched, and its module built, once."""

import pytest

from harness.base.progress import Quiet
from harness.guest.protocol import Evidence
from harness.run import ready_guest
from harness.run.prepare import prepare

from .bench import FIRST, KERNEL, judged, written


@pytest.fixture(scope="session")
def stock():
    """Kernel, module and agent as the product has them."""
    return prepare(KERNEL, None, Quiet())


@pytest.fixture(scope="session")
def stock_trace(stock, tmp_path_factory):
    """The trace of a stock kernel's run over a few scenarios and some generated steps."""
    folder = tmp_path_factory.mktemp("stock")
    path = folder / "stock.trace"
    result = judged(
        stock, folder, written(folder, FIRST), "pkmap-full-turn", "local-nesting", trace=path
    )
    assert result.exit_code == 0, result
    return path


@pytest.fixture
def blinded(monkeypatch):
    """Arms every probe but those named."""
    armed = ready_guest.arm_probes

    def blind(probes):
        def some(guest, facts, flushes):
            shown = facts._replace(evidence=facts.evidence & ~Evidence(probes))
            found = armed(guest, shown, flushes)
            return found._replace(evidence=found.evidence & ~Evidence(probes))

        monkeypatch.setattr(ready_guest, "arm_probes", some)

    return blind
