"""`show`: print a part of a real YAML file, found by path, with its line numbers and optional notes."""

from __future__ import annotations

from pathlib import Path

import yaml

from raglab import paths


def show(file: str, path: str = "", notes: dict[str, str] | None = None) -> None:
    """Print the section of `file` (relative to the checkout) at `path`, e.g. ``show("….yaml", "spec.template")``.

    `notes` maps a key that occurs in the section to a remark printed beside its line.
    """
    text = (paths.CHECKOUT / file).read_text()
    first, last = _section(text, path)
    print(f"# {file}, lines {first + 1}-{last}")
    remarks = dict(notes or {})
    for number, line in enumerate(text.splitlines()[first:last], first + 1):
        key = line.strip().removeprefix("- ").split(":")[0]
        remark = f"   ◄ {remarks.pop(key)}" if key in remarks else ""
        print(f"{number:4}  {line}{remark}")
    if remarks:
        raise KeyError(f"no line in {file} {path} starts with {sorted(remarks)}")


def _section(text: str, path: str) -> tuple[int, int]:
    """First line and line after the last of the node at `path`; the whole file for an empty path."""
    node = yaml.compose(text)
    first = 0
    for key in path.split(".") if path else []:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(key)]
            first = node.start_mark.line
            continue
        for name, value in node.value:
            if name.value == key:
                first, node = name.start_mark.line, value
                break
        else:
            raise KeyError(f"{path}: there is no {key!r}")
    end = node.end_mark
    last = end.line if path and end.column == 0 else end.line + 1
    lines = text.splitlines()[: last if path else None]
    while lines and not lines[-1].strip():
        lines.pop()
    return first, len(lines)


def configuration(name: str) -> Path:
    """A file of ``kubernetes-config``, for code that applies it."""
    return paths.CHECKOUT / "kubernetes-config" / name
