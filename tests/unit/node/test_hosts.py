"""The hosts file: every name a pod may use, and updates that a bind mount can follow."""

from pathlib import Path

from raglab.pocket.node import hosts

POD = {"metadata": {"name": "web-0", "namespace": "shop"}, "spec": {"hostname": "web-0", "subdomain": "web"}}


def service(name: str, namespace: str, ip: str) -> dict:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip}}


def look_up(text: str, name: str) -> list[str]:
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    return [words[0] for words in lines if name in words[1:]]


def test_services_are_known_by_all_their_names():
    text = hosts.render(
        POD, "127.10.0.2", [service("db", "shop", "127.96.0.3"), service("db", "lab", "127.96.0.4")], []
    )
    for name in ("db", "db.shop", "db.shop.svc", "db.shop.svc.cluster.local"):
        assert look_up(text, name) == ["127.96.0.3"], name
    assert look_up(text, "db.lab.svc.cluster.local") == ["127.96.0.4"]
    assert look_up(text, "web-0") == ["127.10.0.2"]
    assert look_up(text, "localhost") == ["127.0.0.1"]


def test_a_headless_service_gives_its_ready_pods_and_their_names():
    endpoints = [
        {"addresses": ["127.10.0.8"], "hostname": "pg-0", "conditions": {"ready": True}},
        {"addresses": ["127.10.0.9"], "hostname": "pg-1", "conditions": {"ready": False}},
    ]
    label = {hosts.SERVICE_LABEL: "pg"}
    piece = {"metadata": {"name": "pg-1", "namespace": "shop", "labels": label}, "endpoints": endpoints}
    text = hosts.render(POD, "127.10.0.2", [service("pg", "shop", "None")], [piece])
    assert look_up(text, "pg.shop") == ["127.10.0.8"]
    assert look_up(text, "pg-0.pg.shop.svc.cluster.local") == ["127.10.0.8"]
    assert look_up(text, "pg-0.pg") == ["127.10.0.8"]
    assert look_up(text, "pg-1.pg") == []


def test_a_file_is_rewritten_in_place(tmp_path: Path):
    file = tmp_path / "hosts"
    hosts.rewrite(file, "a longer text\n")
    inode = file.stat().st_ino
    hosts.rewrite(file, "short\n")
    assert file.read_text() == "short\n"
    assert file.stat().st_ino == inode


def test_the_accounts_of_the_machine_are_not_shown():
    names = {line.split(":")[0] for line in hosts.static_files(POD)["passwd"].splitlines()}
    assert names <= {"root", "nobody", "user"}
