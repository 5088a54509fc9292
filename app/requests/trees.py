"""JSON as a person reads it: names and values, lists, and a table where things of one kind stand in a row."""

import json
from typing import Any, Literal

import msgspec

from .forms.telling import SentFile

MOST_NODES = 400  # drawn of one value; a page says what it leaves out
MOST_COLUMNS = 8
DEEPEST = 8  # levels
LONGEST_TEXT = 5_000  # characters

Kind = Literal["text", "nothing", "file", "record", "list", "table"]


class Node(msgspec.Struct, frozen=True):
    """A part of a value, as it is drawn: a text, a file, named parts, a list of parts, or a table of texts."""

    kind: Kind
    text: str = ""
    parts: tuple["tuple[str, Node]", ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    file: SentFile | None = None
    left_out: int = 0
    """How many more parts or rows there are."""
    whole: str = ""
    """All of the value as JSON, where something of it is not drawn: nobody decides on what they cannot read."""


def tree_of(value: Any) -> Node:
    """The value, drawn as far as that helps, and as JSON where it goes on."""
    node = _Growing().node(value, 0)
    if not _is_cut(node):
        return node
    return msgspec.structs.replace(node, whole=json.dumps(value, ensure_ascii=False, indent=2, default=str))


class _Growing:
    def __init__(self) -> None:
        self._left = MOST_NODES

    def node(self, value: Any, depth: int) -> Node:
        self._left -= 1
        if value is None or value in ("", [], {}):
            return Node("nothing")
        if isinstance(value, SentFile):
            return Node("file", file=value)
        if isinstance(value, (dict, list)) and depth >= DEEPEST:
            return Node("text", said(value))
        if isinstance(value, dict):
            return self._record(value, depth)
        if isinstance(value, list):
            columns = _columns_of(value)
            return self._table(value, columns) if columns else self._list(value, depth)
        return Node("text", said(value))

    def _record(self, value: dict[str, Any], depth: int) -> Node:
        parts: list[tuple[str, Node]] = []
        for name, inner in value.items():
            if self._left <= 0:
                break
            parts.append((label_of(name), self.node(inner, depth + 1)))
        return Node("record", parts=tuple(parts), left_out=len(value) - len(parts))

    def _list(self, value: list[Any], depth: int) -> Node:
        parts: list[tuple[str, Node]] = []
        for inner in value:
            if self._left <= 0:
                break
            parts.append(("", self.node(inner, depth + 1)))
        return Node("list", parts=tuple(parts), left_out=len(value) - len(parts))

    def _table(self, value: list[dict[str, Any]], columns: tuple[str, ...]) -> Node:
        rows: list[tuple[str, ...]] = []
        for each in value:
            if self._left <= 0:
                break
            self._left -= len(columns)
            rows.append(tuple(said(each[name]) if name in each else "" for name in columns))
        headings = tuple(label_of(name) for name in columns)
        return Node("table", columns=headings, rows=tuple(rows), left_out=len(value) - len(rows))


def said(value: Any) -> str:
    """One value in a few letters."""
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return "" if value is None else _cut(json.dumps(value, ensure_ascii=False, default=str))


def label_of(name: str) -> str:
    """`unit_price` and `unitPrice` → Unit price. Anything else is left as it is."""
    if not name.isidentifier() or not name.isascii():
        return name
    spaced = "".join(
        f" {letter.lower()}" if letter.isupper() and before.islower() else letter
        for before, letter in zip("_" + name, name, strict=False)
    )
    spaced = spaced.replace("_", " ").strip()
    return spaced[:1].upper() + spaced[1:] or name


def _is_cut(node: Node) -> bool:
    texts = [node.text, *(cell for row in node.rows for cell in row)]
    is_cut_here = node.left_out > 0 or any(len(text) > LONGEST_TEXT for text in texts)
    return is_cut_here or any(_is_cut(part) for _, part in node.parts)


def _columns_of(value: list[Any]) -> tuple[str, ...]:
    """The names that things of one kind share; none where they are not of one kind."""
    if len(value) < 2 or not all(isinstance(each, dict) and each for each in value):
        return ()
    names = tuple(dict.fromkeys(name for each in value for name in each))
    if len(names) > MOST_COLUMNS or any(
        isinstance(inner, (dict, list, SentFile)) for each in value for inner in each.values()
    ):
        return ()
    return names


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
