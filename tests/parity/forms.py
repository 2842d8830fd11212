"""The form of a kubectl or helm command: what a client and a server must agree about, without names and values."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

TOOLS = ("kubectl", "helm")
TWO_WORDS = ("create", "config", "rollout", "set", "top", "repo", "auth", "cluster-info")
"""Verbs with a second word, such as ``set image``."""
SHORT = {
    "-n": "--namespace",
    "-f": "--filename",
    "-o": "--output",
    "-l": "--selector",
    "-A": "--all-namespaces",
    "-c": "--container",
    "-i": "--stdin",
    "-L": "--label-columns",
    "-p": "--patch",
}
ANYWHERE = {"--namespace", "--timeout", "--kubeconfig"}
"""Flags that every verb has and that change no answer's form."""
TABLES = {"po": "pods", "pod": "pods", "node": "nodes", "ns": "namespaces", "namespace": "namespaces",
          "svc": "services", "service": "services", "deploy": "deployments", "deployment": "deployments",
          "sts": "statefulsets", "statefulset": "statefulsets", "persistentvolume": "pv", "event": "events",
          "persistentvolumes": "pv", "persistentvolumeclaims": "pvc", "persistentvolumeclaim": "pvc",
          "horizontalpodautoscaler": "hpa", "horizontalpodautoscalers": "hpa"}  # fmt: skip


def commands(text: str) -> Iterator[list[str]]:
    """The kubectl and helm commands of a shell line, as words; those of a pipe one by one."""
    for part in re.split(r"\s\|\s|\|\||&&|;|\n", text.replace("\\\n", " ")):
        words = _words(part.strip().lstrip("!"))
        for tool in TOOLS:
            if tool in words:
                yield words[words.index(tool) :]
                break


def forms(words: list[str]) -> Iterator[str]:
    """What a command needs: its verb with each of its flags, and the tables it prints."""
    verb, rest = _verb(words)
    plain = [word for word in rest if not word.startswith("-")]
    raw = any(word.startswith("--raw") for word in rest)
    short = SHORT | {"-f": "--values"} if words[0] == "helm" else SHORT
    found = {short.get(flag, flag) for flag in _flags(rest)}
    yield verb
    for flag in sorted(found - ANYWHERE - {"--output"}):
        yield f"{verb} {flag}"
    output = _output(rest)
    if output:
        yield f"{verb} -o {output}"
    if verb == "kubectl get" and output in ("", "wide") and plain and not raw:
        for kind in plain[0].split(","):
            name = kind.split("/")[0]
            yield f"table of {TABLES.get(name, name)}"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _verb(words: list[str]) -> tuple[str, list[str]]:
    count = 3 if len(words) > 2 and words[1] in TWO_WORDS and not words[2].startswith("-") else 2
    return " ".join(words[:count]), words[count:]


def _flags(rest: list[str]) -> list[str]:
    own = rest[: rest.index("--")] if "--" in rest else rest
    return [word.split("=")[0] for word in own if re.match(r"--?[A-Za-z]", word)]


def _output(rest: list[str]) -> str:
    """The format asked for: ``jsonpath``, ``custom-columns``, ``yaml`` ...; empty for a table."""
    for index, word in enumerate(rest):
        if word in ("-o", "--output"):
            return rest[index + 1].split("=")[0] if index + 1 < len(rest) else ""
        if named := re.fullmatch(r"(?:--output=|-o=?)([a-z-]+)(?:=.*)?", word, re.DOTALL):
            return named[1]
    return ""
