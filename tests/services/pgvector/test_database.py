"""The running database, as its users see it."""

from __future__ import annotations

import os
import pwd
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from raglab.paths import SERVICES
from tests.services.conftest import Running
from tests.services.pgvector.conftest import PASSWORD, Database

SHIMS = SERVICES / "bin" / "pgvector"


def shell(database: Database, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line as it would run in the pod."""
    env = database.environment() | {
        "PATH": f"{SHIMS}:/usr/bin:/bin",
        "RAGLAB_PYTHON": sys.executable,
        "PYTHONPATH": str(SERVICES.parents[1]),
        "POD_IP": database.host,
    }
    return subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, timeout=30)


def test_extension_finds_neighbours(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("CREATE TEMP TABLE item (name text, place vector(3))")
        connection.execute("INSERT INTO item VALUES ('near', '[1,1,0]'), ('far', '[-1,0,1]')")
        row = connection.execute("SELECT name FROM item ORDER BY place <=> '[1,0.9,0]' LIMIT 1").fetchone()
    assert row == ("near",)


def test_it_is_postgresql_18_with_utf8_and_checksums(database: Database) -> None:
    with database.connect() as connection:
        values = [
            connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("server_version_num", "server_encoding", "data_checksums", "password_encryption")
        ]
    assert values[0].startswith("18")
    assert values[1:] == ["UTF8", "on", "scram-sha-256"]


def test_a_wrong_password_is_refused_over_tcp_and_socket(database: Database) -> None:
    for host in (database.host, str(database.folder / "run")):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            database.connect(host=host, password="password")


def test_no_password_is_refused_over_the_socket(database: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        database.connect(host=str(database.folder / "run"), password="")


def test_the_right_password_works_over_the_socket(database: Database) -> None:
    with database.connect(host=str(database.folder / "run")) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("api",)


def test_it_listens_on_its_own_address_only(database: Database) -> None:
    servers = psutil.Process(database.server.process.pid).children()
    listening = {
        item.laddr.ip for item in servers[0].net_connections("tcp") if item.status == psutil.CONN_LISTEN
    }
    assert listening == {database.host}


def test_no_server_process_is_root(database: Database) -> None:
    processes = psutil.Process(database.server.process.pid).children(recursive=True)
    assert len(processes) > 3
    assert all(0 not in process.uids() for process in processes)
    assert all(0 not in process.gids() for process in processes)


def test_the_password_is_on_no_command_line_and_in_no_log_or_file_name(database: Database) -> None:
    launcher = psutil.Process(database.server.process.pid)
    for process in [launcher, *launcher.children(recursive=True)]:
        assert PASSWORD not in " ".join(process.cmdline())
    assert PASSWORD not in database.server.output()
    assert not list((database.folder / "tmp").iterdir())


def test_data_folder_is_closed_to_others(database: Database) -> None:
    assert database.data.stat().st_mode & 0o777 == 0o700


def test_tables_are_listed_as_in_the_pod_of_the_course(database: Database) -> None:
    with database.connect() as connection:
        connection.execute('CREATE TABLE IF NOT EXISTS "data_canonical-rag" (id int)')
    socket_folder = shlex.quote(database.environment()["PGSOCKETDIR"])
    line = f"PGPASSWORD={shlex.quote(PASSWORD)} psql -h {socket_folder} -U postgres -p 5432 -d api -c '\\dt'"
    result = shell(database, line)
    assert result.returncode == 0, result.stderr
    assert "public | data_canonical-rag | table | postgres" in result.stdout


def test_client_programs_of_the_image_are_there(database: Database) -> None:
    result = shell(database, f"pg_isready --quiet --host {database.host} && pg_dump --version")
    assert result.returncode == 0, result.stderr
    assert "18." in result.stdout


def test_settings_can_be_given_as_arguments(new_database) -> None:
    database = new_database()
    server = database.start_service(
        "raglab.services.pgvector",
        5432,
        database.environment() | {"POSTGRES_INITDB_ARGS": "--wal-segsize=1"},
        database.host,
        ["postgres", "-c", "work_mem=9MB"],
    )
    database.server = server.wait_until(database.accepts)
    with database.connect() as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("9MB",)
        assert connection.execute("SHOW wal_segment_size").fetchone() == ("1MB",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"POSTGRES_PASSWORD": ""}, "POSTGRES_PASSWORD is empty"),
        ({"POSTGRES_INITDB_ARGS": "--no-such-option"}, "initdb failed"),
        ({"PGDATA": "/proc/none"}, "pgvector:"),
    ],
)
def test_what_cannot_work_ends_with_one_line(new_database, change, message) -> None:
    database = new_database()
    server = database.launch(**change)
    assert server.process.wait(30) == 1
    assert message in server.output()
    assert "Traceback" not in server.output()
    assert not (Path(database.data) / "PG_VERSION").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can choose another user")
def test_the_account_can_be_chosen_but_not_root(new_database) -> None:
    database = new_database()
    database.start(PGUSER_UID=str(pwd.getpwnam("daemon").pw_uid))
    servers = psutil.Process(database.server.process.pid).children()
    assert servers[0].uids().real == pwd.getpwnam("daemon").pw_uid
    database.server.stop()
    assert database.launch(PGUSER_UID="0").process.wait(30) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_without_root_it_runs_as_the_caller(new_database) -> None:
    database = new_database()
    os.chown(database.folder / "volume", 65534, 65534)
    os.chown(database.folder, 65534, 65534)
    env = os.environ | database.environment() | {"POD_IP": database.host}
    env["PYTHONPATH"] = str(SERVICES.parents[1])
    script = (
        "import os, sys; from raglab.services.pgvector.__main__ import main; import encodings.idna, tempfile;"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); sys.exit(main([]))"
    )
    log = database.folder / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-c", script]
        process = subprocess.Popen(command, env=env, stdout=output, stderr=output, cwd="/")
    server = Running("pgvector", database.host, 5432, process, log)
    try:
        server.wait_until(database.accepts)
        assert database.data.stat().st_uid == 65534
    finally:
        assert server.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a home folder and another user's server")
def test_it_runs_below_folders_that_are_closed_to_its_account(new_database, closed_package) -> None:
    """The lab of root in a container without sandboxes: state, temporary files and packages all lie in /root."""
    database = new_database()
    database.folder.chmod(0o700)
    outside = {path.name for path in Path("/tmp").glob("postgresql-*")}
    env = {"PYTHONPATH": f"{closed_package}:{SERVICES.parents[1]}", "POD_ROOT": str(database.folder)}
    (database.folder / "run").mkdir()
    database.start(**env)
    server = psutil.Process(database.server.process.pid).children()[0]
    assert server.uids().real == 65534
    assert Path(server.cwd()) == database.data
    assert not Path(server.exe()).is_relative_to(closed_package)
    with database.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    line = f"PGPASSWORD={shlex.quote(PASSWORD)} psql -h {database.folder}/run -U postgres -d api -c '\\dt'"
    assert "public | kept" in shell(database, f"POD_ROOT=/ {line}").stdout
    database.server.stop(signal.SIGKILL)
    database.start(**env)
    with database.connect() as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    assert database.server.stop() == 0
    assert {path.name for path in Path("/tmp").glob("postgresql-*")} == outside


def test_too_long_a_socket_path_falls_back(new_database) -> None:
    database = new_database()
    database.start(PGSOCKETDIR=str(database.folder / ("long" * 30)))
    assert "the Unix socket lies in" in database.server.output()
