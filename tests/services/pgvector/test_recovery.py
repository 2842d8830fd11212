"""Interruptions of every kind: what was committed is there afterwards."""

from __future__ import annotations

import os
import signal
import socket
import struct
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.services.pgvector.conftest import Database


@pytest.fixture
def filled(new_database) -> Database:
    database = new_database()
    database.start()
    with database.connect() as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    return database


def rows(database: Database) -> int:
    with database.connect() as connection:
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


def attempts(database: Database) -> list[Path]:
    """Data folders in the making."""
    return list(database.data.parent.glob("*.initialising-*/PG_VERSION"))


def test_a_restart_keeps_the_data(filled: Database) -> None:
    assert filled.server.stop() == 0
    assert "made database" not in filled.start().output()
    assert rows(filled) == 1000


def test_stop_is_fast_although_a_session_is_open(filled: Database) -> None:
    with filled.connect() as connection:
        connection.execute("BEGIN")
        assert filled.server.stop(limit=60) == 0
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_killed_launcher_takes_the_server_along(filled: Database) -> None:
    servers = psutil.Process(filled.server.process.pid).children()
    filled.server.stop(signal.SIGKILL)
    assert psutil.wait_procs(servers, timeout=60)[1] == []
    filled.start()
    assert rows(filled) == 1000


def test_killed_server_recovers(filled: Database) -> None:
    servers = psutil.Process(filled.server.process.pid).children()
    servers[0].kill()
    assert filled.server.process.wait(60) != 0
    filled.start()
    assert "automatic recovery" in filled.server.output()
    assert rows(filled) == 1000


def test_everything_killed_at_once_and_started_at_once(filled: Database) -> None:
    launcher = psutil.Process(filled.server.process.pid)
    for process in [launcher, *launcher.children(recursive=True)]:
        with suppress(
            psutil.NoSuchProcess
        ):  # a server process ends by itself as soon as it misses another one
            process.kill()
    filled.server.process.wait(60)
    filled.start()
    assert rows(filled) == 1000


def test_a_pid_file_that_names_a_stranger_is_ignored(filled: Database) -> None:
    lock = filled.data / "postmaster.pid"
    filled.server.stop()
    owner = filled.data.stat().st_uid
    lock.write_text(f"{os.getppid()}\n{filled.data}\n0\n5432\n")
    os.chown(lock, owner, owner)
    filled.start()
    assert rows(filled) == 1000


def test_a_second_server_on_the_same_folder_is_refused(filled: Database) -> None:
    second = Database(filled.start_service, filled.folder)
    running = second.launch(PGSOCKETDIR=str(filled.folder / "run2"))
    assert running.process.wait(60) == 1
    assert "another server" in running.output()
    assert rows(filled) == 1000


def test_an_interrupted_first_start_is_begun_anew(new_database) -> None:
    database = new_database()
    server = database.launch()
    server.wait_until(lambda: bool(attempts(database)))
    server.stop(signal.SIGKILL)
    assert not database.data.exists()
    database.start()
    assert not attempts(database)


def test_sigterm_during_the_first_start_ends_it(new_database) -> None:
    database = new_database()
    server = database.launch()
    server.wait_until(lambda: bool(attempts(database)))
    assert server.stop() == 128 + signal.SIGTERM
    left = str(database.folder)
    leftover = [
        item for item in psutil.process_iter(["cmdline"]) if left in " ".join(item.info["cmdline"] or [])
    ]
    assert psutil.wait_procs(leftover, timeout=60)[1] == []


def test_foreign_files_are_not_touched(new_database) -> None:
    database = new_database()
    database.data.mkdir()
    (database.data / "thesis.txt").write_text("mine")
    server = database.launch()
    assert server.process.wait(60) == 1
    assert "holds files but no database" in server.output()
    assert (database.data / "thesis.txt").read_text() == "mine"


def test_a_client_that_vanishes_does_no_harm(filled: Database) -> None:
    for _ in range(20):
        client = socket.create_connection((filled.host, 5432))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        client.close()
    assert rows(filled) == 1000


def test_empty_folder_of_another_user_is_taken_over(new_database) -> None:
    database = new_database()
    database.data.mkdir(mode=0o700)
    database.start()
    assert Path(database.data / "PG_VERSION").read_text().startswith("18")
