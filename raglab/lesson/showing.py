"""`show`: print a part of a real YAML file, found by path, with its line numbers and optional notes."""

from __future__ import annotations

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
    """First line and line after the last of the node at `path` in the first document that has it."""
    lines = text.splitlines()
    if not path:
        return 0, len(lines)
    for document in yaml.compose_all(text):
        found = _find(document, path.split("."))
        if found:
            first, last = found
            while not lines[last - 1].split("#")[0].strip():
                last -= 1  # YAML counts what stands before the next key to this one
            return first, last
    raise KeyError(f"no document has {path!r}")


def _find(node: yaml.Node, keys: list[str]) -> tuple[int, int] | None:
    """Lines of the node that `keys` lead to, its own key included; None if they lead nowhere."""
    first = node.start_mark.line
    for key in keys:
        step = _step(node, key)
        if step is None:
            return None
        first, node = step
    end = node.end_mark
    return first, end.line if end.column == 0 else end.line + 1


def _step(node: yaml.Node, key: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
        item = node.value[int(key)]
        return item.start_mark.line, item
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark.line, value
    return None
