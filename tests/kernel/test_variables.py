"""Variables that are not what the module takes them for, told by the ELF file."""

import subprocess
from dataclasses import replace

import pytest

from harness.architecture.i386 import I386
from harness.kernel.kernel_record import Kernel, KernelConfig
from harness.kernel.variables import odd_variables

SLOTS = 1024
PLAIN = {"pkmap_count": 4 * SLOTS, "last_pkmap_nr.0": 4, "pkmap_map_wait": 12, "my_pkmap_count": 1}


def variable(name, size, section=".data"):
    return (
        f'.section {section},"aw"\n.type {name},@object\n.size {name},{size}\n'
        f"{name}: .zero {size}\n"
    )


@pytest.fixture
def kernel(tmp_path):
    def make(text, *options):
        options = options or ("-c",)
        source, image = tmp_path / "data.s", tmp_path / "vmlinux"
        source.write_text(".globl _start\n_start: ret\n" + text)
        compiler = [I386.compiler.gcc, "-nostdlib", "-static", *options]
        subprocess.run([*compiler, "-o", image, source], check=True, capture_output=True)
        return Kernel(
            name="k", release="6.1", version=(6, 1), flavour="", bzimage=None, vmlinux=image,
            pvh=False, banner="", vermagic="", build_dir=tmp_path, modules_dir=None,
            system_map=None, config=KernelConfig({}, ""), content_hash="", source="",
        )  # fmt: skip

    return make


def text(**changes):
    sizes = {**PLAIN, **{name.replace("_0", ".0"): size for name, size in changes.items()}}
    return "".join(variable(name, size) for name, size in sizes.items())


def test_variables_as_they_are_known(kernel):
    assert odd_variables(kernel(text())) == ()


def test_another_size_is_another_type(kernel):
    (odd,) = odd_variables(kernel(text(pkmap_count=SLOTS)))
    assert odd == ("pkmap_count", "pkmap_count has 1024 bytes, not 4096: it is of another type")
    assert [one.name for one in odd_variables(kernel(text(last_pkmap_nr_0=2)))] == [
        "last_pkmap_nr"
    ]


def test_a_variable_of_each_cpu(kernel):
    (odd,) = odd_variables(kernel(variable("last_pkmap_nr", 4, ".data..percpu")))
    assert odd == ("last_pkmap_nr", "last_pkmap_nr is one of each CPU")


def test_without_a_symbol_table_nothing_is_odd(kernel):
    assert odd_variables(kernel(text(pkmap_count=SLOTS), "-s")) == ()
    assert odd_variables(replace(kernel(""), vmlinux=None)) == ()
