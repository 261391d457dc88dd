import pytest

from harness.base.cache import Cache

from .archive import FakeArchive


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive in a folder, which the host's apt configuration names as its only one."""
    made = FakeArchive(tmp_path / "archive", tmp_path / "host")
    monkeypatch.setenv("APT_CONFIG", str(made.config))
    return made


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")
