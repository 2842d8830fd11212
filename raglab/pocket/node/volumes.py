"""Volumes: where the content of each of a pod's volumes lies on this machine, and what a container mounts of it.

ConfigMaps, Secrets, downward fields and projections are files written by the node (see ``files``); an emptyDir is a
folder of the pod. hostPath, and claims bound to hostPath or local volumes, mean the node's own file system, which is
``<state>/node``: no pod can name a path of the real machine. Volume types that need drivers are refused by name.
"""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from raglab.pocket.client import Client, Object
from raglab.pocket.errors import StatusError
from raglab.pocket.node import sources
from raglab.pocket.node.environment import expand
from raglab.pocket.node.files import Payload, make_folder, publish, safe_path
from raglab.pocket.node.isolation import Bind
from raglab.pocket.node.sources import MissingSource, PodFacts

Tokens = Callable[[Object, Mapping[str, Any]], Awaitable[str]]
"""Makes a service account token for (pod, ``serviceAccountToken`` projection)."""


class MountFailed(Exception):
    """A volume cannot be set up now; the kubelet says so in a FailedMount event and tries again."""

    def __init__(self, volume: str, why: str) -> None:
        super().__init__(f'MountVolume.SetUp failed for volume "{volume}" : {why}')


class Volumes:
    """The volumes of one pod, below `folder`."""

    def __init__(self, client: Client, folder: Path, node_root: Path, tokens: Tokens | None) -> None:
        self._client, self._folder, self._node_root, self._tokens = client, folder, node_root, tokens
        self.paths: dict[str, Path] = {}
        self._read_only: set[str] = set()

    async def set_up(self, facts: PodFacts) -> None:
        """Bring every volume of the pod up to date; `MountFailed` tells the first one that cannot be."""
        for volume in facts.pod["spec"].get("volumes") or ():
            try:
                self.paths[volume["name"]] = await self._set_up(volume, facts)
            except (MissingSource, StatusError, OSError) as error:
                raise MountFailed(volume["name"], str(error)) from error

    async def _set_up(self, volume: Mapping[str, Any], facts: PodFacts) -> Path:
        kind = next(key for key in volume if key != "name")
        source = volume[kind]
        namespace = facts.pod["metadata"]["namespace"]
        if kind == "hostPath":
            return host_path(self._node_root, source["path"], source.get("type", ""))
        if kind == "persistentVolumeClaim":
            if source.get("readOnly"):
                self._read_only.add(volume["name"])
            return await self._claimed(namespace, source["claimName"])
        folder = self._folder / kind / volume["name"]
        if kind == "emptyDir":
            if not folder.exists():
                make_folder(folder)
                folder.chmod(0o777)
            return folder
        publish(folder, await self._payload(kind, source, facts))
        self._read_only.add(volume["name"])
        return folder

    async def _payload(self, kind: str, source: Mapping[str, Any], facts: PodFacts) -> dict[str, Payload]:
        """The files of one file-like source."""
        mode = source.get("defaultMode", 0o644)
        if kind == "configMap":
            return await self._entries("configmaps", source["name"], source, mode, facts)
        if kind == "secret":
            return await self._entries(
                "secrets", source.get("secretName") or source["name"], source, mode, facts
            )
        if kind == "downwardAPI":
            return {
                safe_path(item["path"]): _downward(item, mode, facts) for item in source.get("items") or ()
            }
        if kind == "projected":
            files: dict[str, Payload] = {}
            for part in source.get("sources") or ():
                for name, inner in part.items():
                    files |= await self._payload(name, {"defaultMode": mode, **inner}, facts)
            return files
        if kind == "serviceAccountToken":
            token = await self._tokens(facts.pod, source) if self._tokens else ""
            return {safe_path(source["path"]): Payload(token.encode(), mode)}
        raise MissingSource(f"volumes of type {kind} are not part of the pocket cluster")

    async def _entries(
        self, resource: str, name: str, source: Mapping[str, Any], mode: int, facts: PodFacts
    ) -> dict[str, Payload]:
        """All entries of a ConfigMap or Secret, or those named by `items`."""
        optional = source.get("optional", False)
        found = await sources.read(self._client, resource, facts.pod["metadata"]["namespace"], name, optional)
        if not source.get("items"):
            return {key: Payload(data, mode) for key, data in found.items()}
        chosen = {}
        for item in source["items"]:
            if item["key"] in found:
                chosen[safe_path(item["path"])] = Payload(found[item["key"]], item.get("mode", mode))
            elif not optional:
                label = "configmap " if resource == "configmaps" else ""
                what = "config key" if label else "secret key"
                raise MissingSource(f"{label}references non-existent {what}: {item['key']}")
        return chosen

    async def _claimed(self, namespace: str, name: str) -> Path:
        """The folder behind a bound claim."""
        claim = await sources.find(self._client, "persistentvolumeclaims", namespace, name)
        if claim is None:
            raise MissingSource(f'persistentvolumeclaim "{name}" not found')
        if claim.get("status", {}).get("phase") != "Bound":
            raise MissingSource(f'PersistentVolumeClaim is not bound: "{namespace}/{name}"')
        volume = await sources.find(self._client, "persistentvolumes", "", claim["spec"]["volumeName"])
        spec = (volume or {}).get("spec", {})
        if source := spec.get("hostPath"):
            return host_path(self._node_root, source["path"], source.get("type", ""))
        if source := spec.get("local"):
            return host_path(self._node_root, source["path"], "DirectoryOrCreate")
        raise MissingSource(f'volume "{claim["spec"]["volumeName"]}" is neither hostPath nor local')

    def binds(self, container: Mapping[str, Any], env: Mapping[str, str]) -> list[Bind]:
        """What `container` mounts."""
        return [self._bind(mount, env) for mount in container.get("volumeMounts") or ()]

    def _bind(self, mount: Mapping[str, Any], env: Mapping[str, str]) -> Bind:
        name = mount["name"]
        source = self.paths[name]
        sub_path = expand(mount["subPathExpr"], env) if mount.get("subPathExpr") else mount.get("subPath")
        writable = not mount.get("readOnly") and name not in self._read_only
        if sub_path:
            source = below(source, safe_path(sub_path), create=writable)
        return Bind(source, posixpath.normpath("/" + mount["mountPath"].lstrip("/")), writable)


def _downward(item: Mapping[str, Any], mode: int, facts: PodFacts) -> Payload:
    reference = item.get("fieldRef")
    value = facts.field(reference["fieldPath"]) if reference else facts.resource(item["resourceFieldRef"])
    return Payload(value.encode(), item.get("mode", mode))


def below(folder: Path, path: str, *, create: bool) -> Path:
    """`path` inside `folder` with all links followed; refused if they lead out of it."""
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise MissingSource(f"subPath {path!r} leads out of its volume")
    if create and not target.exists():
        make_folder(target)
    if not target.exists():
        raise MissingSource(f"subPath {path!r} does not exist in its volume")
    return target.resolve()


def host_path(node_root: Path, path: str, type: str) -> Path:
    """A path of the node's own file system, checked (or made) as its hostPath type says.

    Without a type a real runtime makes a missing folder; so does this.
    """
    node_root.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = node_root / posixpath.normpath("/" + path).lstrip("/")
    if not target.resolve().is_relative_to(node_root.resolve()):
        raise MissingSource(f"hostPath {path!r} leads out of the node's file system {node_root}")
    if type in ("", "DirectoryOrCreate") and not target.exists():
        make_folder(target)
    if type == "FileOrCreate" and not target.exists():
        make_folder(target.parent)
        target.touch()
        target.chmod(0o644)
    checks = {"Directory": target.is_dir, "DirectoryOrCreate": target.is_dir}
    checks |= {"File": target.is_file, "FileOrCreate": target.is_file}
    kind = "directory" if type.startswith("Directory") else "file"
    if type in checks and not checks[type]():
        raise MissingSource(f"hostPath type check failed: {path} is not a {kind}")
    if type in ("Socket", "CharDevice", "BlockDevice"):
        raise MissingSource(f"hostPath type check failed: {path} is not a {type}")
    return target.resolve()
