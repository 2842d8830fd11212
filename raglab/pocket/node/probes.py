"""Probes: is a container alive, ready, started? The kubelet's rules and the kubelet's words.

A probe waits `initialDelaySeconds`, then runs every `periodSeconds`; `failureThreshold` failures in a row make it
unsuccessful, `successThreshold` successes in a row successful. With `eager` it runs twice a second until its first
success: the outcome is the same, only earlier (a readiness probe with a period of ten seconds otherwise keeps a pod
waiting that long although it was ready at once). Failures before that success count only once per period.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from raglab.pocket.clock import Clock

EAGER_PERIOD = 0.5
BODY = 10 * 1024
"""Bytes of a failed answer that are quoted (the kubelet's limit)."""

Exec = Callable[[list[str], float], Awaitable[tuple[int, str]]]
"""Runs a command in the container: (command, timeout) -> (exit code, output); `TimeoutError` if it takes too long."""


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of one attempt; `message` says why it failed."""

    ok: bool
    message: str = ""


class Prober:
    """Runs the attempts of one probe against one container at `ip`."""

    def __init__(self, probe: Mapping[str, Any], ports: Mapping[str, int], ip: str, exec_: Exec) -> None:
        self._probe, self._ports, self._ip, self._exec = probe, ports, ip, exec_
        self._timeout = float(probe.get("timeoutSeconds") or 1)

    async def attempt(self) -> Result:
        """Probe once."""
        if action := self._probe.get("httpGet"):
            return await self._http(action)
        if action := self._probe.get("tcpSocket"):
            return await self._tcp(action)
        if action := self._probe.get("exec"):
            return await self._command(action["command"])
        return Result(False, "gRPC probes are not part of the pocket cluster: use httpGet, tcpSocket or exec")

    def _address(self, action: Mapping[str, Any]) -> tuple[str, int]:
        port = action["port"]
        number = self._ports.get(port, 0) if isinstance(port, str) and not port.isdigit() else int(port)
        return action.get("host") or self._ip, number

    async def _http(self, action: Mapping[str, Any]) -> Result:
        host, port = self._address(action)
        path = action.get("path") or "/"
        url = (
            f"{action.get('scheme', 'HTTP').lower()}://{host}:{port}{path if path[0] == '/' else '/' + path}"
        )
        headers = {"User-Agent": "kube-probe/1.36", "Accept": "*/*"}
        headers |= {header["name"]: header["value"] for header in action.get("httpHeaders") or ()}
        limit = aiohttp.ClientTimeout(total=self._timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.get(url, headers=headers, ssl=False, allow_redirects=False) as response,
            ):
                if 200 <= response.status < 400:
                    return Result(True)
                return Result(False, f"HTTP probe failed with statuscode: {response.status}")
        except TimeoutError:
            return Result(
                False,
                f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
            )
        except aiohttp.ClientConnectorError as error:
            return Result(False, f'Get "{url}": dial tcp {host}:{port}: connect: {_reason(error)}')
        except aiohttp.ServerDisconnectedError:
            return Result(False, f'Get "{url}": EOF')
        except (aiohttp.ClientError, ValueError) as error:
            return Result(False, f'Get "{url}": {error}')

    async def _tcp(self, action: Mapping[str, Any]) -> Result:
        host, port = self._address(action)
        try:
            async with asyncio.timeout(self._timeout):
                _, writer = await asyncio.open_connection(host, port)
        except TimeoutError:
            return Result(False, f"dial tcp {host}:{port}: i/o timeout")
        except OSError as error:
            return Result(False, f"dial tcp {host}:{port}: connect: {_reason(error)}")
        writer.close()
        return Result(True)

    async def _command(self, command: list[str]) -> Result:
        try:
            code, output = await self._exec(command, self._timeout)
        except TimeoutError:
            return Result(
                False, f'command timed out: "{" ".join(command)}" timed out after {self._timeout:g}s'
            )
        except OSError as error:
            return Result(False, str(error))
        return Result(code == 0, output[:BODY])


def _reason(error: OSError) -> str:
    """``connection refused``: the system's word for the error in Go's spelling."""
    inner = getattr(error, "os_error", error)
    return (os.strerror(inner.errno) if inner.errno else str(inner)).lower()


async def outcomes(
    prober: Prober, probe: Mapping[str, Any], clock: Clock, *, eager: bool
) -> AsyncIterator[tuple[bool | None, Result]]:
    """Attempts for ever, as (verdict, result): the verdict changes to True or False at its threshold, else None."""
    period = float(probe.get("periodSeconds") or 10)
    needed = {True: probe.get("successThreshold") or 1, False: probe.get("failureThreshold") or 3}
    await clock.sleep(probe.get("initialDelaySeconds") or 0)
    run, last, counted_at, succeeded = 0, None, -period, False
    while True:
        result = await prober.attempt()
        now = clock.time()
        hurry = eager and not succeeded
        if result.ok or not hurry or now - counted_at >= period:
            counted_at = now
            run = run + 1 if result.ok is last else 1
            last = result.ok
            succeeded = succeeded or result.ok
            yield (result.ok if run >= needed[result.ok] else None), result
        await clock.sleep(min(EAGER_PERIOD, period) if eager and not succeeded else period)
