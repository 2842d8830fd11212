"""Watching a running container: postStart hook, then the startup probe, then liveness and readiness side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from raglab.pocket.client import Object
from raglab.pocket.node import probes
from raglab.pocket.node.box import Box, PodContext

Say = Callable[[str, str, str], None]
Kill = Callable[[str, float | None], Awaitable[None]]
"""Ends the container: (why, grace in seconds or None for the pod's own)."""


class Health:
    """`started` and `ready` of one run of a container; `changed` is called when one of them changes."""

    def __init__(self, context: PodContext, spec: Object, box: Box, say: Say, kill: Kill) -> None:
        self._context, self._spec, self._box, self._say, self._kill = context, spec, box, say, kill
        self.started = not spec.get("startupProbe")
        self.ready = self.started and not spec.get("readinessProbe")

    async def watch(self) -> None:
        """Run hooks and probes until the container ends (this is cancelled then) or must end."""
        if not await self._post_start():
            return
        if probe := self._spec.get("startupProbe"):
            async for verdict in self._verdicts("Startup", probe):
                if verdict is False:
                    return await self._kill_unhealthy("startup", probe)
                if verdict:
                    break
            self.started = True
            self.ready = not self._spec.get("readinessProbe")
            self._context.changed()
        await asyncio.gather(self._liveness(), self._readiness())

    async def _liveness(self) -> None:
        if probe := self._spec.get("livenessProbe"):
            async for verdict in self._verdicts("Liveness", probe):
                if verdict is False:
                    return await self._kill_unhealthy("liveness", probe)

    async def _readiness(self) -> None:
        if probe := self._spec.get("readinessProbe"):
            async for verdict in self._verdicts("Readiness", probe):
                if verdict is not None and verdict != self.ready:
                    self.ready = verdict
                    self._context.changed()

    async def _verdicts(self, kind: str, probe: Object) -> AsyncIterator[bool | None]:
        ports = {
            port["name"]: port["containerPort"] for port in self._spec.get("ports") or () if port.get("name")
        }
        prober = probes.Prober(probe, ports, self._context.facts.ip, self._box.run)
        node = self._context.node
        eager = node.settings.eager_probes and kind != "Liveness"
        async for verdict, result in probes.outcomes(prober, probe, node.clock, eager=eager):
            if not result.ok:
                self._say("Warning", "Unhealthy", f"{kind} probe failed: {result.message}")
            yield verdict

    async def _kill_unhealthy(self, kind: str, probe: Object) -> None:
        self._say(
            "Normal", "Killing", f"Container {self._spec['name']} failed {kind} probe, will be restarted"
        )
        await self._kill(f"failed {kind} probe", probe.get("terminationGracePeriodSeconds"))

    async def _post_start(self) -> bool:
        hook = self._spec.get("lifecycle", {}).get("postStart", {}).get("exec")
        if not hook:
            return True
        code, output = await self._box.run(hook["command"], self._context.grace)
        if code == 0:
            return True
        self._say(
            "Warning", "FailedPostStartHook", f"PostStartHook failed: {output.strip() or f'exit {code}'}"
        )
        await self._kill("failed postStart hook", None)
        return False
