"""The claims on a real kernel of each generation are as recorded, and counts repeat exactly."""

import pytest

from harness.base.progress import Quiet
from harness.claims.gather import gather
from harness.claims.judged_claim import judge_claims
from harness.run.prepare import prepare

pytestmark = pytest.mark.guest


@pytest.mark.parametrize("kernel", ["debian-6.1-rt-686-pae", "debian-5.10-686"])
def test_a_stock_kernel_is_as_recorded(kernel, tmp_path):
    seen = gather(prepare(kernel, None, Quiet()), tmp_path, Quiet())
    assert [one.claim.number for one in judge_claims(seen) if one.differs] == []
    assert seen.instructions["kmap"] > 0
