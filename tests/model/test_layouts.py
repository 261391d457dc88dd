"""The layouts of exploration are such as a kernel of their kind can have."""

import pytest

from harness.model.records.km_type import KM_TYPES_2_6_24, KM_TYPES_2_6_32, window_size
from harness.model.records.layout import Generation, Layout
from harness.model.search import standard_machines

LAYOUTS = {
    name: value for name, value in vars(standard_machines).items() if isinstance(value, Layout)
}


@pytest.mark.judges("standard_machines")
@pytest.mark.parametrize("name", LAYOUTS)
def test_each_cpu_has_a_window(name):
    layout = LAYOUTS[name]
    assert layout.fix_kmap_end - layout.fix_kmap_begin + 1 == layout.window * layout.nr_cpus
    assert layout.online_cpus <= layout.nr_cpus


@pytest.mark.judges("standard_machines")
def test_windows_of_the_typed_generation_are_of_their_time():
    assert standard_machines.TYPED.window == window_size(KM_TYPES_2_6_24, debug=False)
    assert standard_machines.TYPED_32.window == window_size(KM_TYPES_2_6_32, debug=False)
    assert standard_machines.TYPED_DEBUG.window == window_size(KM_TYPES_2_6_24, debug=True)
    assert {LAYOUTS[name].generation for name in LAYOUTS if name.startswith("TYPED")} == {
        Generation.TYPED
    }
