"""What an amendment did to a form, in words: which fields are new, gone or changed."""

from collections.abc import Iterator
from typing import Any

from .fields import Field, Form
from .references import escaped, follow, resolved


def changes_in_words(before: Form, after: Form) -> list[str]:
    """A sentence for each way in which the second form differs, by the labels of its fields."""
    old, new = dict(_asked(before.root)), dict(_asked(after.root))
    both = [(old[path], new[path]) for path in new if path in old]
    sentences = [
        _sentence("New", [label for path, (label, _) in new.items() if path not in old]),
        _sentence("Not asked any more", [label for path, (label, _) in old.items() if path not in new]),
        *(f"“{was}” is called “{label}” now." for (was, _), (label, _) in both if was != label),
        _sentence("Needed now", [label for (_, was), (label, field) in both if _must(field) and not _must(was)]),
        _sentence(
            "Not needed any more", [label for (_, was), (label, field) in both if _must(was) and not _must(field)]
        ),
        _sentence(
            "Changed", [label for (_, was), (label, field) in both if _rules(before, was) != _rules(after, field)]
        ),
    ]
    return [sentence for sentence in sentences if sentence] or ["Its rules were changed."]


def _asked(field: Field, path: str = "", around: str = "") -> Iterator[tuple[str, tuple[str, Field]]]:
    """The fields by their paths, with what they are called, those of groups one by one."""
    for inner in field.fields:
        if inner.is_inline:
            yield from _asked(inner, path, around)
            continue
        at, label = f"{path}/{escaped(inner.key)}", f"{around}, {inner.label}" if around else inner.label
        if inner.kind == "group" and inner.fields:
            yield from _asked(inner, at, label)
        elif inner.kind != "hidden":
            yield at, (label, inner)


def _must(field: Field) -> bool:
    return field.is_required or bool(field.needed)


def _rules(form: Form, field: Field) -> Any:
    """What its schema says about a field, beside what it is called."""
    try:
        says = resolved(form.schema, follow(form.schema, field.pointer))
    except LookupError:
        return field.kind, field.options  # its pointer goes through a reference that is written in another way
    return {name: part for name, part in says.items() if name != "title"} if isinstance(says, dict) else says


def _sentence(words: str, labels: list[str]) -> str:
    return f"{words}: {', '.join(labels)}." if labels else ""
