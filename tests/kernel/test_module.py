"""A module checked against a kernel, and the facts of its DWARF; the cross compiler makes both."""

import dataclasses
import struct
import subprocess

import pytest

from harness.kernel import DwarfError, ModuleMismatchError, check_module, obtain, read_dwarf
from harness.kernel.exports import exported_crcs, symvers_crcs
from harness.kernel.kernel_record import KernelConfig
from harness.kernel.module import NotAModuleError, read_module

RELEASE = "6.1.0-50-686-pae"
VERMAGIC = f"{RELEASE} SMP preempt mod_unload modversions 686 "
CRCS = {"kmap_high": 0x767EAE66, "_printk": 0x92997ED8}
TYPES = """
enum fixed_addresses { FIX_HOLE, FIX_KMAP_BEGIN = 68, FIX_KMAP_END = 579 } first;
enum { UNNAMED = -7 } second;
struct kmh_thing {
    unsigned char kind; const volatile unsigned short pair[2][3];
    struct { int inner; union { long x; char y[9]; }; };
    struct { int hidden; } named;
    char tail[];
} *third;
struct other { int x; } fourth;
"""


def make_module(path, *, vermagic=VERMAGIC, crcs=CRCS, code=TYPES, flags=("-g",)):
    versions = b"".join(struct.pack("<I60s", crc, name.encode()) for name, crc in crcs.items())
    table = ",".join(str(byte) for byte in versions)
    source = path.with_suffix(".c")
    source.write_text(
        'const char info[] __attribute__((section(".modinfo"))) = '
        f'"license=GPL\\0vermagic={vermagic}";\n'
        'const unsigned char table[] __attribute__((section("__versions"))) = '
        f"{{{table}}};\n{code}"
    )
    subprocess.run(["i686-linux-gnu-gcc", "-c", *flags, "-o", path, source], check=True)
    return path


@pytest.fixture
def kernel(archive, cache):
    archive.kernel("bookworm", "50", "6.1.176-1")
    archive.publish()
    made = obtain("debian-6.1-686-pae", cache)
    lines = "".join(
        f"{crc:#010x}\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n" for name, crc in CRCS.items()
    )
    (made.build_dir / "Module.symvers").write_text(lines)
    return dataclasses.replace(made, config=KernelConfig.parse("CONFIG_MODVERSIONS=y\n"))


def mismatch(kernel, ko):
    with pytest.raises(ModuleMismatchError) as caught:
        check_module(kernel, ko)
    assert caught.value.exit_code == 2
    return caught.value.what, caught.value.module, caught.value.wanted


def test_module_of_this_kernel(kernel, tmp_path):
    ko = make_module(tmp_path / "x.ko")
    check_module(kernel, ko)
    assert read_module(ko).crcs == CRCS


def test_release_of_another_kernel(kernel, tmp_path):
    ko = make_module(tmp_path / "x.ko", vermagic=VERMAGIC.replace("-50-", "-47-"))
    assert mismatch(kernel, ko) == ("the release in vermagic", "6.1.0-47-686-pae", RELEASE)


@pytest.mark.parametrize(
    ("old", "new"), [("SMP ", ""), ("preempt", "preempt_rt"), ("686 ", "GEODE ")]
)
def test_words_of_another_kernel(kernel, tmp_path, old, new):
    head, _, words = VERMAGIC.partition(" ")
    ko = make_module(tmp_path / "x.ko", vermagic=f"{head} {words.replace(old, new)}")
    what, module, wanted = mismatch(kernel, ko)
    assert what.startswith("vermagic")
    assert module != wanted
    assert "SMP preempt" in wanted


def test_module_without_vermagic(kernel, tmp_path):
    assert mismatch(kernel, make_module(tmp_path / "x.ko", vermagic=""))[1] == "missing"


def test_changed_crc(kernel, tmp_path):
    ko = make_module(tmp_path / "x.ko", crcs={**CRCS, "kmap_high": 1})
    assert mismatch(kernel, ko) == ("the CRC of kmap_high", "0x00000001", "0x767eae66")


def test_symbol_that_the_kernel_does_not_export(kernel, tmp_path):
    ko = make_module(tmp_path / "x.ko", crcs={**CRCS, "kmap_gone": 5})
    assert mismatch(kernel, ko)[::2] == ("the symbol kmap_gone", "not exported")


def test_crcs_count_only_with_modversions(kernel, tmp_path):
    ko = make_module(tmp_path / "x.ko", crcs={"kmap_high": 1})
    check_module(dataclasses.replace(kernel, config=KernelConfig.parse("")), ko)


def test_module_without_crcs_for_a_kernel_with_them(kernel, tmp_path):
    assert mismatch(kernel, make_module(tmp_path / "x.ko", crcs={}))[1] == "missing"


def test_module_of_another_machine(kernel, tmp_path):
    data = bytearray(make_module(tmp_path / "x.ko").read_bytes())
    data[18] = 40
    (tmp_path / "arm.ko").write_bytes(data)
    assert mismatch(kernel, tmp_path / "arm.ko") == ("the machine", "EM_ARM", "EM_386")


def test_file_that_is_no_module(kernel, tmp_path):
    (tmp_path / "x.ko").write_text("text")
    with pytest.raises(NotAModuleError, match=r"x\.ko is not a kernel module"):
        check_module(kernel, tmp_path / "x.ko")


def test_enumerators(cache, tmp_path):
    facts = read_dwarf(make_module(tmp_path / "x.ko"), cache)
    assert facts.enums["fixed_addresses"] == {
        "FIX_HOLE": 0,
        "FIX_KMAP_BEGIN": 68,
        "FIX_KMAP_END": 579,
    }
    assert facts.constant("UNNAMED") == -7


def test_layout_of_structures(cache, tmp_path):
    thing = read_dwarf(make_module(tmp_path / "x.ko"), cache).struct("kmh_thing")
    sizes = {name: (member.offset, member.size) for name, member in thing.members.items()}
    assert sizes == {
        "kind": (0, 1),
        "pair": (2, 12),
        "inner": (16, 4),
        "x": (20, 4),
        "y": (20, 9),
        "named": (32, 4),
        "tail": (36, 0),
    }
    assert thing.size == 36


@pytest.mark.parametrize("version", [4, 5])
def test_each_version_of_the_format(cache, tmp_path, version):
    ko = make_module(tmp_path / "x.ko", flags=(f"-gdwarf-{version}",))
    assert read_dwarf(ko, cache).struct("kmh_thing").members["pair"].size == 12


def test_only_structures_asked_for(cache, tmp_path):
    ko = make_module(tmp_path / "x.ko")
    assert set(read_dwarf(ko, cache).structs) == {"kmh_thing"}
    assert set(read_dwarf(ko, cache, structures=["other"]).structs) == {"other"}


def test_facts_are_kept_by_content(cache, tmp_path, monkeypatch):
    ko = make_module(tmp_path / "x.ko")
    first = read_dwarf(ko, cache)
    monkeypatch.setattr("harness.kernel.dwarf._parse", None)
    assert read_dwarf(ko, cache) == first
    monkeypatch.undo()
    make_module(ko, code=TYPES.replace("579", "580"))
    assert read_dwarf(ko, cache).constant("FIX_KMAP_END") == 580


def test_what_the_module_does_not_tell_is_an_error(cache, tmp_path):
    facts = read_dwarf(make_module(tmp_path / "x.ko"), cache)
    with pytest.raises(DwarfError, match=r"x\.ko does not hold the enumerator KM_MAX_IDX"):
        facts.constant("KM_MAX_IDX")
    with pytest.raises(DwarfError, match="struct task_struct"):
        facts.struct("task_struct")


def test_stripped_module_has_no_facts(cache, tmp_path):
    with pytest.raises(DwarfError, match="no debugging information"):
        read_dwarf(make_module(tmp_path / "x.ko", flags=()), cache)


def test_symvers_and_image_without_tables(tmp_path, kernel):
    assert symvers_crcs(tmp_path / "absent") == {}
    assert symvers_crcs(kernel.build_dir / "Module.symvers") == CRCS
    assert exported_crcs(kernel.vmlinux) == {}
