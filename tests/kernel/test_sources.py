"""Derivation of sources for another release from those of a host."""

from harness.kernel.sources import Source, derive, parse_deb822, parse_list, read

DEB822 = """\
# the archive
Types: deb deb-src
URIs: mirror+file:/etc/apt/mirrors/debian.list
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQ

Types: deb
Enabled: no
URIs: http://mirror.example/off
Suites: bookworm
Components: main

Types: deb
URIs: http://other.example/apt
Suites: cloud-sdk-bookworm
Components: main
"""


def test_one_line_options_keep_what_says_how_far_to_trust():
    text = (
        "deb [arch=amd64 signed-by=/k.gpg trusted=yes] http://m.example/debian bookworm main # x\n"
    )
    assert list(parse_list(text)) == [
        Source(
            "http://m.example/debian",
            "bookworm",
            ("main",),
            (("Signed-By", "/k.gpg"), ("Trusted", "yes")),
        )
    ]


def test_comments_and_sources_of_source_packages_are_left_out():
    assert list(parse_list("# deb http://a b main\ndeb-src http://a bookworm main\n\n")) == []


def test_release_is_replaced_in_every_suite():
    derived = derive(parse_deb822(DEB822), "bullseye")
    assert [(source.uri, source.suite, source.components) for source in derived] == [
        ("mirror+file:/etc/apt/mirrors/debian.list", "bullseye", ("main",)),
        ("mirror+file:/etc/apt/mirrors/debian.list", "bullseye-updates", ("main",)),
        ("http://mirror.example/debian-security", "bullseye-security", ("main",)),
    ]


def test_key_in_the_stanza_is_kept_whole():
    derived = derive(parse_deb822(DEB822), "bullseye")
    again = list(parse_deb822(derived[2].stanza(["i386"])))
    assert again[0].trust == derived[2].trust
    assert "mQ" in derived[2].stanza(["i386"])


def test_aliases_of_releases_count():
    derived = derive([Source("http://m.example/debian", "stable-security", ("main",))], "bookworm")
    assert derived[0].suite == "bookworm-security"


def test_sources_that_are_not_the_archive_are_left_out():
    others = [
        Source("http://a.example", "bookworm-pgdg", ("main",)),
        Source("http://b.example", "bookworm", ("stable",)),
        Source("http://c.example", "noble", ("main",)),
        Source("http://d.example", "./", ()),
    ]
    assert derive(others, "bookworm") == ()


def test_files_that_cannot_be_read_are_passed_over(tmp_path):
    good = tmp_path / "a.list"
    good.write_text("deb http://m.example/debian bookworm main\n")
    (tmp_path / "b.list").write_bytes(b"\xff\xfe")
    assert len(read([tmp_path / "absent.sources", tmp_path / "b.list", good])) == 1


def test_releases_without_pockets_are_not_asked_for_any():
    host = list(
        parse_list(
            "deb http://m.example/debian bookworm main\n"
            "deb http://m.example/s bookworm-security main\n"
        )
    )
    for codename in ("sid", "experimental"):
        assert [source.suite for source in derive(host, codename)] == [codename]
