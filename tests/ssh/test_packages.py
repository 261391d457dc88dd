"""Which packages an image is made of, and what becomes of their files."""

import io
import tarfile

import pytest

from harness.base import project
from harness.errors import UsageError
from harness.guest.ssh import guest_recipe, package_files
from harness.guest.ssh.packages import Chosen, parse_simulation, places
from harness.kernel.package import Package

ORIGINS = "Debian:12.15/oldstable, Debian-Security:12/oldstable"
SIMULATION = f"""\
Reading package lists...
Inst gcc-12-base (12.2.0-14+deb12u1 Debian:12.15/oldstable [i386])
Inst libgcc-s1:i386 (12.2.0-14+deb12u1 Debian:12.15/oldstable [i386]) []
Inst libc6:i386 [2.36-9] (2.36-9+deb12u14 {ORIGINS} [i386])
Inst tzdata (2024a-0+deb12u1 Debian:12.15/oldstable [all])
Conf libc6:i386 (2.36-9+deb12u14 Debian:12.15/oldstable [i386])
"""


def package(name, version, architecture, suite="bookworm"):
    return Package(name, version, architecture, "file:/x", "0" * 64, 1, 1, suite)


def test_the_closure_is_what_apt_would_install():
    assert parse_simulation(SIMULATION) == (
        Chosen("gcc-12-base", "12.2.0-14+deb12u1", "i386"),
        Chosen("libc6", "2.36-9+deb12u14", "i386"),
        Chosen("libgcc-s1", "12.2.0-14+deb12u1", "i386"),
        Chosen("tzdata", "2024a-0+deb12u1", "all"),
    )


def test_a_package_is_taken_in_the_chosen_version_and_architecture_from_every_place():
    right = package("libc6", "2", "i386")
    mirror = package("libc6", "2", "i386", "bookworm-security")
    others = [
        package("libc6", "1", "i386"),
        package("libc6", "2", "amd64"),
        package("libc6-dev", "2", "i386"),
    ]
    assert places(Chosen("libc6", "2", "i386"), [*others, right, mirror]) == (right, mirror)


def test_the_recipe_of_the_project_names_a_server():
    made = guest_recipe.read_guest_recipe(project.SSH_RECIPE)
    assert "dropbear-bin" in made.packages
    assert {"etc/kmh/rc", "etc/passwd"} <= {member.path for member in made.own_files()}


@pytest.mark.parametrize("text", ["release = 1", "packages = [", 'release = "x"\npackages = 3'])
def test_a_recipe_that_is_none_is_named(tmp_path, text):
    (tmp_path / guest_recipe.FILE).write_text(text)
    with pytest.raises(UsageError, match=guest_recipe.FILE):
        guest_recipe.read_guest_recipe(tmp_path)


def test_the_digest_names_what_is_unpacked(tmp_path):
    text = 'release = "bookworm"\npackages = ["a", "b"]\nleave_out = []\nmodules = []\n'
    digests = set()
    for changed in (
        text,
        text.replace('"b"', '"c"'),
        text.replace("leave_out = []", 'leave_out = ["x"]'),
    ):
        (tmp_path / guest_recipe.FILE).write_text(changed)
        digests.add(guest_recipe.read_guest_recipe(tmp_path).digest)
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("./usr/bin/x", "bin/x"),
        ("./bin/x", "bin/x"),
        ("./usr/lib/i386-linux-gnu/x", "lib/i386-linux-gnu/x"),
        ("./usr/share/x", "usr/share/x"),
        ("./usr/library", "usr/library"),
        ("./etc/x", "etc/x"),
    ],
)
def test_usr_is_merged_into_the_root(name, path):
    assert package_files.merged(name) == path


def test_files_links_and_modes_come_out_of_a_package():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, kind, link in (
            ("./usr/bin/a", tarfile.REGTYPE, ""),
            ("./bin/b", tarfile.SYMTYPE, "a"),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname, entry.mode, entry.size = kind, link, 0o755, 2 * (not link)
            archive.addfile(entry, io.BytesIO(b"hi"))
    made.seek(0)
    with tarfile.open(fileobj=made) as archive:
        found = list(package_files.from_tar(archive))
    assert [(member.path, oct(member.mode), member.data) for member in found] == [
        ("bin/a", "0o100755", b"hi"),
        ("bin/b", "0o120777", b"a"),
    ]


def test_patterns_leave_files_out():
    assert package_files.excluded("usr/share/doc/x", ("usr/share/*",))
    assert not package_files.excluded("bin/busybox", ("usr/share/*", "bin/dbclient"))
