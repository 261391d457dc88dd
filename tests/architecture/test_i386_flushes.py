"""Which instructions drop translations, and with which operands; what only looks like one."""

import pytest

from harness.architecture.flush_site import NO_REGISTER, FlushKind, FunctionTable
from harness.architecture.i386_flushes import find_flushes

BASE = 0xC1000000
NOPS = b"\x90" * 5
CODE = {
    "invlpg (%eax)": (b"\x0f\x01\x38", FlushKind.PAGE, (NO_REGISTER, 0, NO_REGISTER, 1, 0)),
    "invlpg -8(%ebx,%esi,4)": (
        b"\x0f\x01\x7c\xb3\xf8",
        FlushKind.PAGE,
        (NO_REGISTER, 3, 6, 4, -8),
    ),
    "invlpg 0xfff00000": (
        b"\x0f\x01\x3d\x00\x00\xf0\xff",
        FlushKind.PAGE,
        (NO_REGISTER, NO_REGISTER, NO_REGISTER, 1, -0x100000),
    ),
    "mov %edi,%cr3": (b"\x0f\x22\xdf", FlushKind.ROOT, (7, NO_REGISTER, NO_REGISTER, 1, 0)),
    "mov %ecx,%cr4": (b"\x0f\x22\xe1", FlushKind.CONTROL, (1, NO_REGISTER, NO_REGISTER, 1, 0)),
    "invpcid -16(%ebp),%edx": (
        b"\x66\x0f\x38\x82\x55\xf0",
        FlushKind.DESCRIBED,
        (2, 5, NO_REGISTER, 1, -16),
    ),
}
HARMLESS = {
    "lgdt (%eax)": b"\x0f\x01\x10",
    "invlpg's bytes in another": b"\x80\x7b\x0f\x01\xba\x00\x00\x00\x00",
    "mov %eax,%cr0": b"\x0f\x22\xc0",
    "mov %cr3,%eax": b"\x0f\x20\xd8",
    "mov $imm,%eax": b"\xb8\x0f\x22\xd8\x00",
}
UNSURE = {
    "invlpg %fs:(%eax)": b"\x64\x0f\x01\x38",
    "addr16 invlpg (%si)": b"\x67\x0f\x01\x3c",
    "invlpgb": b"\x0f\x01\xfe",
    "behind what is no code": b"\x0f\x04\x90\x0f\x01\x38",
}


def scan(code, name="flush", **others):
    return find_flushes(code, BASE, FunctionTable.of({name: BASE, **others}))


def operands(site):
    return site.register, site.base, site.index, site.scale, site.displacement


@pytest.mark.parametrize(("code", "kind", "wanted"), CODE.values(), ids=CODE)
def test_what_drops_translations_is_found_with_its_operands(code, kind, wanted):
    found = scan(NOPS + code + NOPS)
    (site,) = found.sites
    assert found.unsure == ()
    assert (site.kind, site.code, operands(site)) == (kind, code, wanted)
    assert (site.address, site.offset, str(site)) == (BASE + 5, 5, "flush+0x5")


@pytest.mark.parametrize("code", HARMLESS.values(), ids=HARMLESS)
def test_what_drops_nothing_is_not(code):
    found = scan(code + NOPS)
    assert (found.sites, found.unsure) == ((), ())


@pytest.mark.parametrize("code", UNSURE.values(), ids=UNSURE)
def test_what_cannot_be_read_is_said(code):
    found = scan(code + NOPS)
    assert found.sites == ()
    assert [one.split(":")[0] for one in found.unsure] == [f"flush+{code.rindex(15):#x}"]


def test_functions_are_read_one_by_one():
    broken = b"\x0f\x04\x90\x90"
    found = scan(broken + b"\x0f\x01\x38", "data", flush=BASE + 4)
    assert [str(site) for site in found.sites] == ["flush+0x0"]


def test_code_before_the_first_function_is_unsure():
    found = find_flushes(b"\x0f\x01\x38", BASE, FunctionTable.of({"later": BASE + 16}))
    assert found.unsure == (f"{BASE:#x}: no function has it",)


def test_what_only_the_processor_enters_is_left_out():
    code = b"\x0f\x22\xd8" * 3
    bounds = {"__entry_text_start": BASE + 3, "entry": BASE + 3, "__entry_text_end": BASE + 6}
    found = scan(code, "before", after=BASE + 6, **bounds)
    assert [site.address for site in found.sites] == [BASE, BASE + 6]


def test_a_cpu_that_starts_is_left_out():
    assert scan(b"\x0f\x22\xd8", "start_secondary").sites == ()
