"""Databases for the tests: each with a folder of its own, in a place that the database's account can reach."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from raglab.services.pgvector import binaries
from tests.services.conftest import Running, Start, free_address

PASSWORD = "correct horse battery staple"
MODULE = "raglab.services.pgvector"


@dataclass
class Database:
    """A data folder, and the server that runs on it if one does."""

    start_service: Start
    folder: Path
    host: str = field(default_factory=free_address)
    server: Running | None = None

    @property
    def data(self) -> Path:
        return self.folder / "volume" / "pgdata"

    def environment(self) -> dict[str, str]:
        return {
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": PASSWORD,
            "POSTGRES_DB": "api",
            "PGDATA": str(self.data),
            "PGSOCKETDIR": str(self.folder / "run"),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def start(self, **env: str) -> Running:
        self.launch(**env)
        assert self.server is not None
        return self.server.wait_until(self.accepts)

    def launch(self, **env: str) -> Running:
        self.server = self.start_service(MODULE, 5432, self.environment() | env, self.host)
        return self.server

    def accepts(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, **options: str) -> psycopg.Connection:
        defaults = {
            "host": self.host,
            "port": "5432",
            "user": "postgres",
            "password": PASSWORD,
            "dbname": "api",
        }
        return psycopg.connect(**(defaults | options), autocommit=True, connect_timeout=30)


@pytest.fixture(scope="module")
def new_database(service: Start) -> Iterator[Callable[[], Database]]:
    """Makes databases; pytest's own temporary folder is closed to other users, so they lie beside it."""
    made: list[Database] = []

    def make() -> Database:
        folder = Path(tempfile.mkdtemp(prefix="raglab-db-"))
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        (folder / "volume").mkdir()
        made.append(Database(service, folder))
        return made[-1]

    yield make
    for database in made:
        if database.server is not None:
            database.server.stop()
        shutil.rmtree(database.folder)


@pytest.fixture(scope="module")
def database(new_database: Callable[[], Database]) -> Database:
    """One running database for all tests of a module that do not harm it."""
    made = new_database()
    made.start()
    return made


@pytest.fixture
def closed_package() -> Iterator[Path]:
    """The package with the programs in a folder that only we may enter."""
    with tempfile.TemporaryDirectory(prefix="raglab-packages-") as folder:
        for package in binaries.installation().parent.parent.glob(f"{binaries.PACKAGE}*"):
            shutil.copytree(package, Path(folder, package.name), symlinks=True)
        yield Path(folder)
