import pytest

from harness.kernel.built import obtain_built
from harness.kernel.recipe import recipes
from harness.kernel.record import Kernel


@pytest.fixture(scope="session")
def tree61() -> Kernel:
    """The one kernel that tests build from source: 6.1-pae, of the cache, made when it is not there.

    Shared by all rooms and sessions: build in ``clone(built_tree(tree61), ...)``, never in it.
    """
    return obtain_built(recipes()["6.1-pae"])
