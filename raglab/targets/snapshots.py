"""Named snapshots of the pocket cluster, in its state folder: taken while it runs, restored by starting it anew."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raglab.pocket import restoring, snapshots
from raglab.targets import processes
from raglab.targets.base import TargetError
from raglab.targets.daemon import Daemon
from raglab.targets.turns import my_turn

PATIENCE = 10.0  # seconds for another command to finish


class Snapshots:
    """All snapshots of one cluster. `node` is the name of its node."""

    def __init__(self, daemon: Daemon, node: str) -> None:
        self._daemon, self._node = daemon, node
        self._state, self.folder = daemon.state, daemon.state / "snapshots"

    def names(self) -> list[str]:
        """Their names, oldest first."""
        return [path.name for path in self._by_age()]

    def size(self) -> int:
        """Bytes on the disk; files that snapshots share count once."""
        found = (entry.lstat() for entry in self.folder.rglob("*") if not entry.is_dir())
        return sum({entry.st_ino: entry.st_blocks * 512 for entry in found}.values())

    def take(self, name: str) -> None:
        """Keep the present state under `name`, instead of what had that name; the cluster stands still meanwhile.

        Raises `TargetError` if the cluster does not run, and `OSError` if the disk does not take it.
        """
        draft, older = self.folder / f".{name}", next(iter(self._by_age()[::-1]), None)
        with my_turn(self._state, PATIENCE):
            self.folder.mkdir(mode=0o700, exist_ok=True)
            for unfinished in self.folder.glob(".*"):
                shutil.rmtree(unfinished)
            try:
                with self._standing_still():
                    snapshots.copy(self._state, draft, older)
                snapshots.seal(draft, older)
            except OSError:
                shutil.rmtree(draft, ignore_errors=True)
                raise
            self._remove(name)
            draft.rename(self.folder / name)

    def restore(self, name: str) -> restoring.Lives:
        """Put the cluster back to what it was and leave it stopped; returns the pods that were ready.

        Raises `KeyError` if there is no such snapshot, and `BrokenSnapshot` (the present state stays) if it is damaged.
        """
        folder = self.folder / name
        if not folder.is_dir():
            raise KeyError(name)
        with my_turn(self._state, PATIENCE):
            snapshots.verify(folder)
            ready = restoring.lay_out(folder, self._state, self._node)
            with processes.uninterrupted():
                self._daemon.kill()
                restoring.put_back(self._state)
        return ready

    def drop(self, name: str) -> None:
        """Forget a snapshot; harmless if there is none of that name."""
        with my_turn(self._state, PATIENCE):
            self._remove(name)

    def rename(self, name: str, to: str) -> None:
        """Give a snapshot another name, instead of what had that."""
        with my_turn(self._state, PATIENCE):
            self._remove(to)
            (self.folder / name).rename(self.folder / to)

    @contextmanager
    def _standing_still(self) -> Iterator[None]:
        if not self._daemon.is_ready():
            raise TargetError("There is no running cluster to take a snapshot of.", "raglab up")
        with processes.uninterrupted():
            self._daemon.freeze()
            try:
                yield
            finally:
                self._daemon.thaw()

    def _by_age(self) -> list[Path]:
        found = [path for path in self.folder.glob("[!.]*") if (path / snapshots.SEAL).exists()]
        return sorted(found, key=lambda path: (path / snapshots.SEAL).stat().st_mtime_ns)

    def _remove(self, name: str) -> None:
        shutil.rmtree(self.folder / name, ignore_errors=True)
