"""Rows that are added and removed without a script: a button posts the form, and it is drawn again."""

import re

from .fields import Field, Form, Typed, inside
from .filling import MOST_ROWS, ROWS, row_of
from .reading import rows_in
from .references import escaped

BUTTON = "rows"
"""The name of the buttons. Their values are `add:/guests` and `remove:/guests/1`."""


def with_rows(form: Form, typed: Typed, deed: str) -> Typed:
    """What stands in the form after a button was pressed. A button that leads nowhere changes nothing."""
    if deed.startswith("add:"):
        return _added(form, typed, deed.removeprefix("add:"))
    if deed.startswith("remove:"):
        path, _, number = deed.removeprefix("remove:").rpartition("/")
        if number.isdecimal() and number.isascii() and len(number) < 6:
            return _removed(typed, path, int(number))
    return dict(typed)


def focus_after(typed: Typed, deed: str) -> str:
    """Where the focus belongs after a button was pressed: in the new row, in the one that moved up, or at "Add"."""
    if deed.startswith("add:"):
        path = deed.removeprefix("add:")
        return f"{path}/{max(0, rows_in(typed, path) - 1)}"
    if deed.startswith("remove:"):
        row = deed.removeprefix("remove:")
        path, _, number = row.rpartition("/")
        return row if number.isdecimal() and int(number[:6]) < rows_in(typed, path) else f"add:{path}"
    return ""


def _added(form: Form, typed: Typed, path: str) -> Typed:
    field = _list_at(form.root, "", path)
    count = rows_in(typed, path)
    if field is None or count >= MOST_ROWS:
        return dict(typed)
    item = f"{path}/{count}" + ("/value" if field.kind == "entries" else "")
    return {**typed, path + ROWS: str(count + 1), **row_of(form, field, item)}


def _removed(typed: Typed, path: str, number: int) -> Typed:
    count = rows_in(typed, path)
    if number >= count:
        return dict(typed)
    left: Typed = {path + ROWS: str(count - 1)}
    for name, text in typed.items():
        row = _row_of(name, path)
        if name == path + ROWS or row == number:
            continue
        if row is not None and row > number:
            left[f"{path}/{row - 1}{name[len(f'{path}/{row}') :]}"] = text
        else:
            left[name] = text
    return left


def _row_of(name: str, path: str) -> int | None:
    """The row of the list at a path that a control stands in."""
    if not name.startswith(f"{path}/"):
        return None
    found = re.match(r"[0-9]{1,6}(?=[/:]|\Z)", name[len(path) + 1 :])
    return int(found[0]) if found else None


def _list_at(field: Field, path: str, wanted: str) -> Field | None:
    """The list that is drawn at a path."""
    if not wanted.startswith(path):
        return None
    if path == wanted:
        return field if field.kind in {"rows", "entries"} else None
    if field.kind in {"rows", "entries"} and field.item is not None:
        rest = wanted[len(path) :].split("/")
        below = f"{path}/{rest[1]}" + ("/value" if field.kind == "entries" else "") if len(rest) > 1 else ""
        below = re.sub(r":.*", "", below) if field.kind == "rows" else below
        return _list_at(field.item, below, wanted) if below else None
    for number, inner in enumerate(field.fields):
        at = inside(field, path, number) if field.kind == "variants" else path
        if field.kind != "variants":
            at = inside(inner, path, number) if inner.is_inline else f"{path}/{escaped(inner.key)}"
        found = _list_at(inner, at, wanted) if _leads(at, wanted) else None
        if found is not None:
            return found
    return None


def _leads(path: str, wanted: str) -> bool:
    return wanted == path or wanted.startswith((f"{path}/", f"{path}:"))
