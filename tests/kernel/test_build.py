"""Modules for stock kernels and programs for their guests, really built."""

import shutil
from pathlib import Path

import pytest

from harness.base.cache import Cache
from harness.errors import UsageError
from harness.kernel import (
    BuildError,
    build_module,
    build_program,
    check_module,
    known,
    obtain,
    read_dwarf,
    statuses,
    user_kernel,
)
from harness.kernel.build import first_error, source_files
from harness.kernel.exports import exported_crcs, symvers_crcs
from harness.kernel.image import ImageError
from harness.kernel.user import BuildDirError

PROBE = Path(__file__).parent / "data/probe"


@pytest.fixture(scope="session")
def pae():
    return obtain("debian-6.1-686-pae")


@pytest.fixture
def probe(tmp_path):
    return Path(shutil.copytree(PROBE, tmp_path / "probe"))


def refused(kernel, folder, cache):
    with pytest.raises(BuildError) as caught:
        build_module(kernel, folder, cache)
    assert list(cache.root.glob("modules/*")) == []
    return caught.value


@pytest.mark.network
@pytest.mark.parametrize("name", [stock.name for stock in known()])
def test_module_is_built_for_every_stock_kernel(name, cache):
    kernel = obtain(name)
    ko = build_module(kernel, PROBE, cache).path
    check_module(kernel, ko)
    facts = read_dwarf(ko, cache)
    window = facts.constant("FIX_KMAP_END") - facts.constant("FIX_KMAP_BEGIN") + 1
    assert window % int(kernel.config.get("CONFIG_NR_CPUS")) == 0
    assert facts.struct("kmh_sample").members["third"].size == 6
    local = kernel.version >= (5, 11) or kernel.config.enabled("CONFIG_PREEMPT_RT")
    assert ("kmap_ctrl" in facts.struct("task_struct").members) == local


@pytest.mark.network
def test_image_and_headers_of_a_stock_kernel_agree(pae):
    exported = exported_crcs(pae.vmlinux)
    listed = symvers_crcs(pae.build_dir / "Module.symvers")
    assert len(exported) > 5000
    assert {name: listed.get(name) for name in exported} == exported


@pytest.mark.network
def test_module_is_kept_until_its_sources_change(pae, probe, cache):
    first = build_module(pae, probe, cache)
    stamp = first.path.stat().st_mtime_ns
    assert build_module(pae, probe, cache) == first
    assert first.path.stat().st_mtime_ns == stamp
    (probe / "kmh_probe.c").write_text((probe / "kmh_probe.c").read_text() + "/* more */\n")
    assert build_module(pae, probe, cache).key != first.key
    assert sorted(path.name for path in probe.iterdir()) == ["Makefile", "kmh_probe.c"]


@pytest.mark.network
def test_modules_are_counted_by_kernel(pae, cache):
    build_module(pae, PROBE, cache)
    home = cache.folder("kernels", pae.name)
    (home / "x").symlink_to(pae.vmlinux.parent)
    (home / "current.json").write_text('{"folder": "x"}')
    assert {status.name: status.built for status in statuses(cache)}[pae.name] == 1


@pytest.mark.network
def test_error_of_the_compiler_is_told_with_its_place(pae, probe, cache):
    source = probe / "kmh_probe.c"
    source.write_text(source.read_text().replace("kunmap(ZERO_PAGE(0));", "kunmap(no_such_page);"))
    error = refused(pae, probe, cache)
    line = 1 + source.read_text()[: source.read_text().index("no_such_page")].count("\n")
    assert f"kmh_probe.c:{line}:" in error.message
    assert "no_such_page" in error.message
    assert error.message.count("\n") == 1
    assert error.command.startswith("make -C ")


@pytest.mark.network
def test_symbol_that_is_not_exported_is_told(pae, probe, cache):
    source = probe / "kmh_probe.c"
    text = source.read_text().replace(
        "kunmap(ZERO_PAGE(0));", "{ extern void kmh_gone(void); kmh_gone(); }"
    )
    source.write_text(text)
    assert '"kmh_gone"' in refused(pae, probe, cache).message


@pytest.mark.network
def test_folder_that_makes_no_module(pae, tmp_path, cache):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/Makefile").write_text("obj-m :=\n")
    with pytest.raises(UsageError, match="makes 0 modules"):
        build_module(pae, tmp_path / "empty", cache)


@pytest.mark.network
def test_cache_where_the_kernel_cannot_build(pae, tmp_path):
    with pytest.raises(UsageError, match="spaces or colons"):
        build_module(pae, PROBE, Cache(tmp_path / "a b"))


def test_source_folder_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no source folder"):
        source_files(tmp_path / "absent")


def test_first_error_of_an_output_without_any():
    assert first_error("a\nb\nc\nd\ne\nf\n") == "b\n    c\n    d\n    e\n    f"
    assert first_error("") == "it failed without a word"


def test_program_is_static_and_for_i386(tmp_path, cache):
    (tmp_path / "hello.c").write_text('#include "there.h"\nint main(void) { return THERE; }\n')
    (tmp_path / "include").mkdir()
    (tmp_path / "include/there.h").write_text("#define THERE 0\n")
    sources, include = [tmp_path / "hello.c"], [tmp_path / "include"]
    built = build_program(sources, "hello", include=include, cache=cache)
    data = built.path.read_bytes()
    assert (data[4], data[18]) == (1, 3)
    assert b"/ld-linux" not in data
    assert build_program(sources, "hello", include=include, cache=cache) == built
    (tmp_path / "include/there.h").write_text("#define THERE 1\n")
    assert build_program(sources, "hello", include=include, cache=cache).key != built.key


def test_program_with_an_error(tmp_path, cache):
    (tmp_path / "bad.c").write_text("int main(void)\n{\n\treturn nothing;\n}\n")
    with pytest.raises(BuildError, match=r"bad\.c:3:\d+: error: .*nothing"):
        build_program([tmp_path / "bad.c"], "bad", cache=cache)
    assert [path for path in (cache.root / "programs").rglob("*") if path.is_file()] == []


def user_folder(pae, tmp_path):
    """A build folder like the stock one, to which files can be added."""
    folder = tmp_path / "src" / pae.build_dir.name
    folder.mkdir(parents=True)
    for path in pae.build_dir.iterdir():
        (folder / path.name).symlink_to(path)
    for path in pae.build_dir.parent.glob("*-common*"):
        (folder.parent / path.name).symlink_to(path)
    return folder


@pytest.mark.network
@pytest.mark.parametrize("image", ["bzimage", "vmlinux"])
def test_users_own_kernel_is_a_record_like_any_other(pae, tmp_path, cache, image):
    build_dir = user_folder(pae, tmp_path)
    shutil.copy(pae.system_map, build_dir / "System.map")
    kernel = user_kernel(getattr(pae, image), build_dir, cache)
    assert (kernel.release, kernel.vermagic, kernel.pvh) == (pae.release, pae.vermagic, True)
    assert kernel.config_hash == pae.config_hash
    assert kernel.system_map == build_dir / "System.map"
    assert (kernel.bzimage is None) == (image == "vmlinux")
    check_module(kernel, build_module(kernel, PROBE, cache).path)


@pytest.mark.network
def test_build_folder_of_another_kernel(pae, tmp_path, cache):
    (tmp_path / "include/generated").mkdir(parents=True)
    (tmp_path / "include/generated/utsrelease.h").write_text(
        '#define UTS_RELEASE "6.1.0-51-other"\n'
    )
    with pytest.raises(
        BuildDirError, match=rf"is of release {pae.release}, but .* of 6\.1\.0-51-other"
    ):
        user_kernel(pae.bzimage, tmp_path, cache)


@pytest.mark.network
def test_build_folder_that_was_not_built(pae, tmp_path, cache):
    with pytest.raises(BuildDirError, match=r"utsrelease\.h cannot be read"):
        user_kernel(pae.bzimage, tmp_path, cache)
    with pytest.raises(UsageError, match="there is no"):
        user_kernel(tmp_path / "absent", tmp_path, cache)


@pytest.mark.network
def test_users_image_that_is_none(pae, tmp_path, cache):
    (tmp_path / "text").write_text("text" * 300)
    with pytest.raises(ImageError, match="neither"):
        user_kernel(tmp_path / "text", user_folder(pae, tmp_path), cache)
