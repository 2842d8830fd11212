"""Logs and commands in containers, as clients speak them."""

from __future__ import annotations

import json

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

POD = "/api/v1/namespaces/default/pods/p"
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"


async def test_logs(api):
    api.pod()
    query = "tailLines=5&timestamps=true&sinceSeconds=7&limitBytes=100"
    async with api.client.get(f"{POD}/log?{query}") as response:
        assert response.content_type == "text/plain"
        assert await response.text() == "one\ntwo\n"
    options = api.streams.options[0]
    assert (options.container, options.tail_lines, options.timestamps) == ("main", 5, True)
    assert (options.since_seconds, options.limit_bytes, options.follow) == (7, 100, False)


async def test_followed_logs_come_as_they_are_written(api):
    api.pod()
    async with api.client.get(f"{POD}/log?follow=true") as response:
        assert await response.content.readline() == b"one\n"
        api.streams.more.set()
        assert await response.content.readline() == b"two\n"


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("container=nosuch", 400, "container nosuch is not valid for pod p"),
        ("previous=true", 400, 'previous terminated container "main" in pod "p" not found'),
        ("tailLines=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("tailLines=-1", 422, "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        (
            "limitBytes=0",
            422,
            'PodLogOptions "p" is invalid: limitBytes: Invalid value: 0: must be greater than 0',
        ),
        ("sinceSeconds=-5", 422, "sinceSeconds: Invalid value: -5: must be greater than 0"),
        ("sinceTime=yesterday", 400, "parsing time"),
        ("sinceTime=2026-01-01T00:00:00Z&sinceSeconds=3", 422, "at most one of"),
    ],
)
async def test_logs_refused(api, query, code, text):
    api.pod()
    assert text in (await api.call("GET", f"{POD}/log?{query}", code))["message"]


async def test_one_of_several_containers_must_be_named(api):
    api.pod(containers=[{"name": "a", "image": "x"}, {"name": "b", "image": "x"}])
    error = await api.call("GET", f"{POD}/log", 400)
    assert error["message"] == "a container name must be specified for pod p, choose one of: [a b]"


async def test_a_pod_without_a_node_has_an_empty_log_and_runs_no_commands(api):
    api.pod(nodeName="")
    async with api.client.get(f"{POD}/log?follow=true") as response:
        assert (response.status, await response.text()) == (200, "")
    error = await api.call("POST", f"{POD}/exec?command=0", 400)
    assert error["message"] == "pod p does not have a host assigned"
    assert not api.streams.options


async def receive_all(socket) -> list[tuple[int, bytes]]:
    messages = [message.data async for message in socket if message.type is WSMsgType.BINARY]
    return [(message[0], message[1:]) for message in messages]


async def test_a_command_with_input_resizing_and_an_exit_code(api):
    api.pod()
    query = "command=3&container=main&stdin=true&stdout=true&stderr=true"
    async with api.client.ws_connect(f"{POD}/exec?{query}", protocols=(V5, V4)) as socket:
        assert socket.protocol == V5
        await socket.send_bytes(b"\x00hello ")
        await socket.send_bytes(b'\x04{"Width":80,"Height":24}')
        await socket.send_bytes(b"\x00world")
        await socket.send_bytes(bytes([255, 0]))
        messages = await receive_all(socket)
    assert socket.close_code == 1000
    assert messages[0] == (1, b""), "an empty message says that the streams are ready"
    assert b"".join(data for channel, data in messages if channel == 1) == b"HELLO WORLD"
    assert (2, b"begin") in messages
    channel, outcome = messages[-1]
    assert channel == 3
    assert json.loads(outcome)["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    assert api.streams.sessions[0].sizes == [(80, 24)]
    await api.client.server.close()
    assert api.streams.sessions[0].closed


async def test_success_over_the_older_protocol(api):
    api.pod()
    async with api.client.ws_connect(f"{POD}/exec?command=0", protocols=(V4,)) as socket:
        assert socket.protocol == V4
        messages = await receive_all(socket)
    assert json.loads(messages[-1][1]) == {"metadata": {}, "status": "Success"}


async def test_a_client_that_goes_ends_the_command(api):
    api.pod()
    async with api.client.ws_connect(f"{POD}/exec?command=0&stdin=true", protocols=(V5,)) as socket:
        await socket.receive()
    await api.client.session.close()
    await api.client.server.close()
    assert api.streams.sessions[0].closed


async def test_commands_refused_before_the_upgrade(api):
    api.pod()
    with pytest.raises(WSServerHandshakeError) as caught:
        await api.client.ws_connect(f"{POD}/exec?command=0&container=nosuch", protocols=(V5,))
    assert caught.value.status == 400
    error = await api.call("POST", f"{POD}/exec?command=0", 400)
    assert "Upgrade request required" in error["message"]
    assert (await api.call("POST", f"{POD}/exec", 400))["message"].startswith(
        "you must specify at least one command"
    )
    assert not api.streams.sessions


async def test_attaching_joins_the_containers_own_program(api):
    api.pod()
    async with api.client.ws_connect(f"{POD}/attach?stdin=true&stdout=true", protocols=(V5,)) as socket:
        await socket.send_bytes(b"\x00hello")
        await socket.send_bytes(bytes([255, 0]))
        messages = await receive_all(socket)
    assert messages[:3] == [(1, b""), (2, b"begin"), (1, b"HELLO")]
    assert json.loads(messages[-1][1])["status"] == "Success"


async def test_what_is_absent_says_so(api):
    api.pod()
    error = await api.call("PATCH", f"{POD}/ephemeralcontainers", 501)
    assert error["reason"] == "NotImplemented"
    assert "not part of the pocket cluster" in error["message"]
