"""Where Prometheus comes from: what the user brought, the machine's own, or packages from the machine's mirrors."""

from __future__ import annotations

import hashlib
import io
import lzma
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from raglab.services.prometheus import debian, install

POOL = "pool/main/p/prometheus"
GOOD = '#!/bin/sh\ncase "$1" in --version) echo "prometheus, version 2.53.3 (x)";; *) echo SUCCESS;; esac\n'
OLD = GOOD.replace("2.53.3", "2.42.0")
WITHOUT_DISCOVERY = GOOD.replace("SUCCESS", "field kubernetes_sd_configs not found")

needs_apt = pytest.mark.skipif(
    not Path(debian.APT_HELPER).exists(), reason="without apt there are no packages to fetch"
)


def quiet(text: str, share: float) -> None:
    """Nobody looks at the progress."""


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    """A machine without Prometheus and without package sources."""
    monkeypatch.delenv("RAGLAB_PROMETHEUS", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    sources(monkeypatch, tmp_path)


def sources(monkeypatch, folder: Path, one_line: str = "", deb822: str = "") -> None:
    """Give apt these package sources and no others."""
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    (folder / "sources.list").write_text(one_line)
    (parts / "debian.sources").write_text(deb822)
    (folder / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "{parts}";\n'
    )
    monkeypatch.setenv("APT_CONFIG", str(folder / "apt.conf"))


def program(folder: Path, text: str = GOOD) -> Path:
    """A folder with two scripts that answer as Prometheus and promtool do."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in install.PROGRAMS:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def deb(file: Path, content: dict[str, str]) -> None:
    """A Debian package with these files."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as files:
        for name, text in content.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode = len(text), 0o755 if "bin/" in name else 0o600
            files.addfile(entry, io.BytesIO(text.encode()))
    file.parent.mkdir(parents=True, exist_ok=True)
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": b"odd",
        "data.tar.xz": lzma.compress(data.getvalue()),
    }
    with file.open("wb") as archive:
        archive.write(b"!<arch>\n")
        for name, value in members.items():
            archive.write(f"{name:16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(value):<10}`\n".encode())
            archive.write(value + b"\n" * (len(value) % 2))


@pytest.fixture
def mirror(tmp_path, monkeypatch) -> Path:
    """A mirror in a folder, among apt's sources, with a small package in place of the pinned ones."""
    root = tmp_path / "debian"
    file = root / POOL / "prometheus_1.deb"
    deb(file, {"usr/bin/prometheus": GOOD, "usr/bin/promtool": GOOD, "usr/share/w/a/b.js": "b", "etc/x": "x"})
    pin = {"size": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    members = {"usr/bin/prometheus": "prometheus", "usr/bin/promtool": "promtool", "usr/share/w/": "web/"}
    catalogue = tmp_path / "packages.yaml"
    catalogue.write_text(
        yaml.dump({"packages": [{"file": f"{POOL}/{file.name}", "all": pin, "members": members}]})
    )
    monkeypatch.setattr(install, "CATALOGUE", catalogue)
    sources(monkeypatch, tmp_path, one_line=f"deb copy:{root} bookworm main\n")
    return root


@needs_apt
def test_mirrors_are_those_of_apt_in_both_formats(monkeypatch, tmp_path):
    sources(
        monkeypatch,
        tmp_path,
        "deb [arch=amd64] http://a.example/debian bookworm main contrib # near\n"
        "deb cdrom:[Debian 12]/ bookworm main\n"
        "deb http://ubuntu.example/ubuntu noble main\n"
        "deb http://extra.example/debian bookworm contrib\n",
        "Types: deb\nURIs: https://b.example/mirror/debian\nSuites: trixie trixie-updates\nComponents: main\n\n"
        "Types: deb\nURIs: http://security.example/s\nSuites: bookworm-security\nComponents: main\n\n"
        "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\n",
    )
    assert sorted(debian.mirrors()) == ["http://a.example/debian", "https://b.example/mirror/debian"]


@needs_apt
def test_packages_are_fetched_and_unpacked(mirror, tmp_path):
    folder = tmp_path / "home" / "prometheus"
    said = []
    found = install.prepare(folder, lambda text, share: said.append(text))
    assert (found / "web" / "a" / "b.js").read_text() == "b"
    assert (found / "web" / "a" / "b.js").stat().st_mode & 0o777 == 0o644
    assert (found / "promtool").stat().st_mode & 0o777 == 0o755
    assert not (found / "etc").exists() and not (folder / "downloads").exists()
    assert "Unpacking Prometheus" in said and install.check(folder) == ""


@needs_apt
def test_a_second_time_nothing_is_fetched(mirror, tmp_path):
    found = install.prepare(tmp_path / "p", quiet)
    shutil.rmtree(mirror)
    assert install.prepare(tmp_path / "p", quiet) == found


@needs_apt
def test_after_an_interruption_what_arrived_is_used(mirror, tmp_path):
    downloads = tmp_path / "p" / "downloads"
    downloads.mkdir(parents=True)
    shutil.copy(mirror / POOL / "prometheus_1.deb", downloads)
    (tmp_path / "p" / "new").mkdir()
    assert install.prepare(tmp_path / "p", quiet).is_dir()


@needs_apt
def test_an_altered_package_is_refused(mirror, tmp_path):
    file = mirror / POOL / "prometheus_1.deb"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(install.PrometheusError, match="Hash Sum mismatch"):
        install.prepare(tmp_path / "p", quiet)
    assert install.programs(tmp_path / "p") is None
    assert "Hash Sum mismatch" in install.check(tmp_path / "p")


@needs_apt
def test_a_mirror_that_does_not_answer_is_told_and_tried_again(mirror, monkeypatch, tmp_path):
    sources(monkeypatch, tmp_path, one_line="deb http://127.0.0.1:9/debian bookworm main\n")
    with pytest.raises(install.PrometheusError, match=r"127\.0\.0\.1:9"):
        install.prepare(tmp_path / "p", quiet)
    assert "127.0.0.1:9" in install.problem(tmp_path / "p")
    sources(monkeypatch, tmp_path, one_line=f"deb copy:{mirror} bookworm main\n")
    install.prepare(tmp_path / "p", quiet)
    assert install.problem(tmp_path / "p") == ""


def test_without_debian_sources_the_message_says_so(tmp_path):
    with pytest.raises(install.PrometheusError, match="no Debian mirror is among"):
        install.prepare(tmp_path / "p", quiet)


def test_a_release_archive_is_unpacked(monkeypatch, tmp_path):
    archive = tmp_path / "prometheus-2.53.3.linux-amd64.tar.gz"
    with tarfile.open(archive, "w:gz") as files:
        files.add(program(tmp_path / "release"), "prometheus-2.53.3.linux-amd64")
    monkeypatch.setenv("RAGLAB_PROMETHEUS", str(archive))
    folder = install.place(tmp_path)
    assert folder == tmp_path / "prometheus"
    found = install.prepare(folder, quiet)
    assert found.is_relative_to(folder) and install.check(folder) == ""
    monkeypatch.delenv("RAGLAB_PROMETHEUS")
    assert install.is_current(folder)


def test_an_unpacked_release_is_used_where_it_lies(monkeypatch, tmp_path):
    release = program(tmp_path / "opt" / "prometheus-2.53.3")
    monkeypatch.setenv("RAGLAB_PROMETHEUS", str(release))
    folder = install.place(tmp_path)
    assert install.prepare(folder, quiet) == release
    assert sorted(file.name for file in release.iterdir()) == ["prometheus", "promtool"]


def test_a_folder_that_other_labs_share_is_chosen_by_name(monkeypatch, tmp_path):
    monkeypatch.setenv("RAGLAB_PROMETHEUS", str(tmp_path / "shared"))
    assert install.place(tmp_path / "home") == tmp_path / "shared"


def test_something_else_than_a_release_is_refused(monkeypatch, tmp_path):
    archive = tmp_path / "holiday.tar.gz"
    archive.write_bytes(b"photographs")
    monkeypatch.setenv("RAGLAB_PROMETHEUS", str(archive))
    with pytest.raises(install.PrometheusError, match="no release archive"):
        install.prepare(install.place(tmp_path), quiet)


@pytest.mark.parametrize(
    ("text", "usable"),
    [(GOOD, True), (OLD, False), (WITHOUT_DISCOVERY, False), ("#!/bin/sh\nexit 1\n", False)],
)
def test_the_machine_s_own_is_used_if_good_enough(text, usable, monkeypatch, tmp_path):
    own = program(tmp_path / "own", text)
    monkeypatch.setattr(install.shutil, "which", lambda name: str(own / name))
    if usable:
        assert install.prepare(tmp_path / "p", quiet) == own
    else:
        monkeypatch.setattr(debian, "mirrors", list)
        with pytest.raises(install.PrometheusError, match="no Debian mirror"):
            install.prepare(tmp_path / "p", quiet)


def test_every_pin_names_both_processors():
    for entry in yaml.safe_load(install.CATALOGUE.read_text())["packages"]:
        pins = [entry["all"]] if "all" in entry else [entry["amd64"], entry["arm64"]]
        assert all(len(pin["sha256"]) == 64 and pin["size"] > 0 for pin in pins)
        assert not any(word in entry["file"] for word in ("http", "..")), "places in a pool, never hosts"
