"""A private apt state: the host's archive, keys and network settings; its files stay untouched.

apt itself fetches the index files and checks their signatures and hashes (``apt-secure(8)``), and
apt's own methods fetch the packages, so that mirrors, proxies and credentials are those of the
host. The hooks of the host's configuration (``APT::Update::Post-Invoke`` and the like) are left
out.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Deb822

from harness.architecture.architecture import Architecture
from harness.architecture.i386 import I386
from harness.base.cache import Cache, CacheFullError
from harness.base.child import Wait
from harness.base.host import host_architecture, run
from harness.base.host_programs import find_program
from harness.base.progress import Progress
from harness.base.seal import is_sealed, seal_folder
from harness.errors import PrerequisiteError
from harness.kernel import sources
from harness.kernel.host_apt import HostApt, host_apt
from harness.kernel.package import FetchError, Package, kept_deb, verify

INDEX_LIFETIME = 3600.0
INDEX_BYTES = 256 << 20
"""The room that the index files of a release need while they are fetched and unpacked."""
LEAST_BYTES = 1 << 20
INDEX_WAIT = Wait("apt-get update", 900.0)
PACKAGE_WAIT = Wait("the download of a package", 3600.0)
_UNREACHABLE = (
    "Could not resolve",
    "Temporary failure resolving",
    "Network is unreachable",
)
"""Seconds for which index files are used before apt is asked for newer ones."""

_HELPER = Path("/usr/lib/apt/apt-helper")
# Read by apt before it looks for the host's apt.conf.d: neither that nor apt.conf is read again.
_TEMPLATE = """\
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
Dir::Etc::sourcelist "{root}/host.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "{trusted}";
Dir::Etc::trustedparts "{trustedparts}";
Dir::Etc::netrc "{netrc}";
Dir::Etc::netrcparts "{netrcparts}";
Dir::State "{root}";
Dir::State::lists "{root}/lists/";
Dir::State::status "{root}/status";
Dir::Cache "{root}/cache";
Dir::Log "{root}/log";
APT::Architecture "{host}";
APT::Architectures {{ {architectures} }};
APT::Sandbox::User "root";
Acquire::Languages "none";
"""


class UnreachableError(PrerequisiteError):
    """No name of the archive can be resolved: no other package can be fetched either."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the package archive cannot be reached: {reason}",
            hint="check the network, the resolver and the proxy of apt",
        )


class ArchiveError(PrerequisiteError):
    """The package archive cannot be used at all."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The packages of one Debian release for guests and for the host, from the host's mirrors."""

    cache: Cache
    codename: str
    architecture: Architecture = I386

    @property
    def root(self) -> Path:
        """The folder of the private apt state."""
        return self.cache.root / "apt" / self.codename

    def update(self, progress: Progress, *, force: bool = False) -> tuple[str, ...]:
        """Bring the index files up to date and return apt's complaints, one a line.

        Where a source fails (half-published, gone) apt keeps its former index or none, and uses
        the others. Raises :class:`ArchiveError` when the host has no Debian source at all.
        """
        with self.cache.locked(f"apt-{self.codename}"):
            self.cache.use(self.root)
            stamp = self.root / "updated"
            if not force and self._is_recent(stamp):
                return tuple(stamp.read_text(errors="replace").splitlines())
            progress.step(f"package index of {self.codename}")
            self._configure()
            self.cache.require_space(INDEX_BYTES)
            update: list[str | Path] = [find_program("apt-get"), "update", "-q"]
            said = run(update, INDEX_WAIT, self._watch_space, APT_CONFIG=self._settings).stderr
            complaints = _complaints(said)
            self._require_space_for_index(complaints)
            stamp.write_text("\n".join(complaints))
            seal_folder(self.root, [stamp, *self._index_files()])
            return complaints

    def _is_recent(self, stamp: Path) -> bool:
        """Tell whether the index files are new, and still those whose signatures apt has seen."""
        if not stamp.exists() or not is_sealed(self.root):
            return False
        if self.cache.sound(self.root):
            return time.time() - stamp.stat().st_mtime < INDEX_LIFETIME
        self.cache.discard(self.root, "its files are not those that apt has checked")
        return False

    def _index_files(self) -> list[Path]:
        return [path for path in (self.root / "lists").glob("*_*") if path.is_file()]

    def packages(self, pattern: str) -> tuple[Package, ...]:
        """Return the packages of all verified indexes whose whole name matches the regular
        expression.
        """
        wanted = re.compile(rf"Package: (?:{pattern})\n")
        found: list[Package] = []
        for target in self._targets():
            text = run([_HELPER, "cat-file", target["Filename"]]).stdout
            found.extend(
                _package(part, target) for part in text.split("\n\n") if wanted.match(part)
            )
        return tuple(dict.fromkeys(found))

    def fetch(self, package: Package, progress: Progress) -> Path:
        """Return the verified ``.deb`` in the cache, fetched if it is not there.

        Raises :class:`FetchError` (not available, or not what the signed index says) or a cache
        error.
        """
        final = self.cache.root / "debs" / f"{package.sha256}.deb"
        with self.cache.locked(f"deb-{package.sha256}"):
            if not kept_deb(self.cache, final):
                self._download(package, final, progress)
        return final

    def fetch_first(self, places: Iterable[Package], progress: Progress) -> Path:
        """Return the first of several packages that can be fetched.

        Raises :class:`FetchError` with all reasons.
        """
        reasons: list[str] = []
        for package in places:
            try:
                return self.fetch(package, progress)
            except FetchError as error:
                reasons.append(error.message)
        raise FetchError("; ".join(reasons))

    def setting(self, name: str) -> str:
        """Return one setting of the configuration, as ``Acquire::http::Proxy``; or nothing."""
        return (
            self._apt("apt-config", "shell", "VALUE", name)
            .stdout.strip()
            .removeprefix("VALUE=")
            .strip("'")
        )

    def _download(self, package: Package, final: Path, progress: Progress) -> None:
        self.cache.require_space(package.size)
        progress.step(f"fetching {package.name} {package.version}")
        with self.cache.new_file(final) as fresh:
            self._helper_download(package, fresh, progress)
            _own(fresh)
            verify(fresh, package)

    def _helper_download(self, package: Package, fresh: Path, progress: Progress) -> None:
        command = [
            str(_HELPER),
            "download-file",
            package.uri,
            str(fresh),
            f"SHA256:{package.sha256}",
        ]

        def watch() -> None:
            progress.advance(_size(fresh) >> 10, package.size >> 10, "KiB")
            self._watch_space()

        done = run(command, PACKAGE_WAIT, watch, APT_CONFIG=self._settings)
        if done.returncode:
            self._explain_failure(package, done.stderr)

    def _explain_failure(self, package: Package, complaints: str) -> None:
        if "No space left" in complaints:
            raise CacheFullError(self.cache.root, f"while fetching {package}")
        reason = _complaints(complaints)[:1] or ("apt-helper failed",)
        if any(words in complaints for words in _UNREACHABLE):
            raise UnreachableError(reason[0])
        raise FetchError(f"{package} could not be fetched: {reason[0]}")

    def _configure(self) -> None:
        host = host_apt()
        derived = sources.derive(host.sources, self.codename)
        if not derived:
            raise ArchiveError(
                "the apt configuration of this host names no source of the Debian archive",
                hint="add one as Debian's installer does: a suite of a release, component main",
            )
        with self.cache.guarded():
            for folder in ("lists/partial", "cache/archives/partial", "log"):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            (self.root / "status").touch()
            (self.root / "host.sources").write_text(self._stanzas(derived), encoding="utf-8")
            (self.root / "apt.conf").write_text(self._configuration(host), encoding="utf-8")

    def _configuration(self, host: HostApt) -> str:
        own = _TEMPLATE.format(
            root=self.root,
            host=host_architecture(),
            architectures=" ".join(f'"{name}";' for name in self._architectures()),
            **dict(host.keys),
        )
        return host.acquire + own

    def _architectures(self) -> tuple[str, ...]:
        guests = self.architecture.package_architecture
        return tuple(dict.fromkeys((host_architecture(), guests)))

    def _stanzas(self, derived: tuple[sources.Source, ...]) -> str:
        return "\n".join(source.stanza(self._architectures()) for source in derived)

    def _apt(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run([find_program(program), *arguments], APT_CONFIG=self._settings)

    def _targets(self) -> list[Deb822]:
        said = self._apt("apt-get", "indextargets", "Created-By: Packages").stdout
        targets = Deb822.iter_paragraphs(said.splitlines(keepends=True))
        return [
            target
            for target in targets
            if target.get("Origin") == "Debian"
            and target.get("Trusted") == "yes"
            and Path(target["Filename"]).exists()
        ]

    @property
    def _settings(self) -> str:
        """The file of the private configuration."""
        return str(self.root / "apt.conf")

    def _watch_space(self) -> None:
        """End apt before the disk is full: it would wait for ever."""
        self.cache.require_space(LEAST_BYTES)

    def _require_space_for_index(self, complaints: tuple[str, ...]) -> None:
        for line in complaints:
            if "No space left" in line:
                raise CacheFullError(self.cache.root, line)


def _complaints(stderr: str) -> tuple[str, ...]:
    lines = (line.strip() for line in stderr.splitlines())
    return tuple(line for line in lines if line.startswith(("E:", "W:")))


def _own(fresh: Path) -> None:
    """Replace a link by a copy: apt's method for ``file:`` downloads nothing."""
    if fresh.is_symlink():
        target = fresh.resolve()
        fresh.unlink()
        shutil.copyfile(target, fresh)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _package(paragraph: str, target: Deb822) -> Package:
    fields = Deb822(paragraph)
    return Package(
        name=fields["Package"],
        version=fields["Version"],
        architecture=fields["Architecture"],
        uri=target["Repo-URI"].rstrip("/") + "/" + fields["Filename"],
        sha256=fields["SHA256"],
        size=int(fields["Size"]),
        installed_size=int(fields.get("Installed-Size", "0")),
        suite=target["Release"],
    )
