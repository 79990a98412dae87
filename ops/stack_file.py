"""Changes one value or list in a stack's file and nothing else: comments and order stay."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_STEP = "  "
"""How much deeper a group is written that is not there yet."""


def with_value(text: str, path: Sequence[str], value: str) -> str:
    """Return YAML in which a value below nested mappings is another one, or is there now.

    Args:
        text: One document, a mapping.
        path: Keys from the top.
        value: A plain scalar, such as an id.

    Raises:
        ValueError: The text is no such document, or has something else than a scalar there, or is
            written in a way (anchors, merges) in which one change would be more than one.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        before = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(root, yaml.MappingNode):
        raise ValueError("no mapping; accepted: a stack's file")  # noqa: TRY004 - as for any text
    changed = _changed(text, root, path, value)
    if yaml.safe_load(changed) != _set(before, path, value):
        raise ValueError(f"{'.'.join(path)} cannot be changed alone, as the file is written")
    return changed


def _changed(text: str, node: yaml.MappingNode, path: Sequence[str], value: str) -> str:
    for depth, name in enumerate(path):
        found = next((inner for key, inner in node.value if key.value == name), None)
        if found is None:
            return _added(text, node, path[depth:], value)
        if depth == len(path) - 1:
            if not isinstance(found, yaml.ScalarNode):
                break
            start, end = found.start_mark.index, found.end_mark.index
            blank = "" if text[start - 1 : start].isspace() else " "
            return text[:start] + blank + value + text[end:]
        if not isinstance(found, yaml.MappingNode):
            break
        node = found
    raise ValueError(f"{'.'.join(path)} is not where a value can stand")


def _added(text: str, node: yaml.MappingNode, path: Sequence[str], value: str) -> str:
    if node.flow_style:
        inner = f"{path[-1]}: {value}"
        for name in reversed(path[:-1]):
            inner = f"{name}: {{{inner}}}"
        end = node.end_mark.index - 1
        start = len(text[:end].rstrip())
        return text[:start] + (", " if node.value else "") + inner + text[start:]
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = " " * node.value[0][0].start_mark.column
    lines = [f"{indent}{_STEP * depth}{name}:" for depth, name in enumerate(path)]
    lines[-1] += f" {value}"
    # Behind the last value, and what is said of it on its own line.
    last = _end(node)
    line_end = text.find("\n", last)
    if line_end < 0:
        return text + newline + newline.join(lines) + newline
    return text[: line_end + 1] + newline.join(lines) + newline + text[line_end + 1 :]


def _end(node: yaml.Node) -> int:
    """Return where a node's text ends: that of a block ends behind the comments that follow."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        # A block of text ends where the next line begins.
        return int(node.end_mark.index) - 1
    return int(node.end_mark.index)


def _set(before: Any, path: Sequence[str], value: str) -> Any:  # noqa: ANN401 - any YAML value
    name, *rest = path
    inner = before.get(name, {})
    return {**before, name: _set(inner, rest, value) if rest else yaml.safe_load(value)}


def with_item(text: str, path: Sequence[str], item: str) -> str:
    """Return YAML in which a list below nested mappings has one item more, at its end.

    Args:
        text: One document, a mapping.
        path: Keys from the top; the last one's value is a list that is not empty.
        item: A plain scalar.

    Raises:
        ValueError: The text is no such document, has no such list there, or is written in a way in
            which one change would be more than one.
    """
    before, found = _list(text, path)
    last = found.value[-1]
    if found.flow_style:
        end = last.end_mark.index
        changed = f"{text[:end]}, {item}{text[end:]}"
    else:
        newline = "\r\n" if "\r\n" in text else "\n"
        line_end = text.find("\n", last.end_mark.index)
        end = len(text) if line_end < 0 else line_end + 1
        head = text[:end] if text[:end].endswith("\n") else text[:end] + newline
        indent = " " * found.start_mark.column
        changed = f"{head}{indent}- {item}{newline}{text[end:]}"
    return _only(changed, before, path, [*_value(before, path), item])


def without_item(text: str, path: Sequence[str], item: str) -> str:
    """Return YAML in which a list below nested mappings lacks an item; what is said of it goes too.

    Args:
        text: One document, a mapping.
        path: Keys from the top; the last one's value is a list of scalars with more than this item.
        item: One of them.

    Raises:
        ValueError: As `with_item`, or the item is not in it or alone there.
    """
    before, found = _list(text, path)
    values = [node.value for node in found.value]
    if item not in values or len(values) == 1:
        raise ValueError(f"{item} is not in {'.'.join(path)}, or alone there")
    at = values.index(item)
    node = found.value[at]
    if found.flow_style:
        if at == 0:
            start, end = node.start_mark.index, found.value[1].start_mark.index
        else:
            start, end = found.value[at - 1].end_mark.index, node.end_mark.index
    else:
        start = text.rfind("\n", 0, node.start_mark.index) + 1
        line_end = text.find("\n", node.end_mark.index)
        end = len(text) if line_end < 0 else line_end + 1
    rest = [*_value(before, path)]
    del rest[at]
    return _only(text[:start] + text[end:], before, path, rest)


def write(path: Path, text: str) -> None:
    """Put a text in the place of a file's, in one step: where the disk is full, the old one stays.

    Raises:
        OSError: It cannot be written.
    """
    whole = path.resolve()
    draft = whole.with_name(f".{whole.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
    shutil.copymode(whole, draft)
    draft.replace(whole)


def _list(text: str, path: Sequence[str]) -> tuple[Any, yaml.SequenceNode]:
    """Return what a document says, and the node of a list in it."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        before = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {' '.join(str(error).split())}") from None
    for name in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((inner for key, inner in pairs if key.value == name), None)
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise ValueError(f"{'.'.join(path)} is no list with something in it")
    return before, node


def _value(document: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - any YAML value
    for name in path:
        document = document[name]
    return document


def _only(changed: str, before: Any, path: Sequence[str], value: list[Any]) -> str:  # noqa: ANN401 - any YAML value
    """Return a changed text that differs in this one list.

    Raises:
        ValueError: It differs in something else too, or is no YAML any more.
    """
    try:
        after = yaml.safe_load(changed)
    except yaml.YAMLError:
        after = None
    if after != _put(before, path, value):
        raise ValueError(f"{'.'.join(path)} cannot be changed alone, as the file is written")
    return changed


def _put(before: Any, path: Sequence[str], value: Any) -> Any:  # noqa: ANN401 - any YAML value
    name, *rest = path
    return {**before, name: _put(before[name], rest, value) if rest else value}
