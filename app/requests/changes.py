"""What differs between two texts, or two values of JSON: line by line, and within a line word by word."""

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

MOST_LINES = 1_000  # of each side; beyond it the sides are not compared
LONGEST = 100_000  # characters of each side
_AROUND = 3  # lines that stay the same, shown around a change
_LONGEST_LINE = 400  # characters; longer ones are not compared word by word
_ALIKE = 0.35  # lines that share less are simply others
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Side = Literal["same", "before", "after", "gap"]


class Part(msgspec.Struct, frozen=True):
    """A piece of a line, and whether it is what makes the difference."""

    text: str
    differs: bool = False


class Line(msgspec.Struct, frozen=True):
    """A line of either side or of both; a gap stands for lines that are the same."""

    side: Side
    parts: tuple[Part, ...] = ()


def lines_of(before: Any, after: Any) -> list[Line] | None:
    """Both sides in one, with what is left out where nothing changed. None where they are too large to be compared."""
    old, new = text_of(before), text_of(after)
    if max(len(old), len(new)) > LONGEST:
        return None
    old_lines, new_lines = old.splitlines(), new.splitlines()
    if max(len(old_lines), len(new_lines)) > MOST_LINES:
        return None
    return list(_compared(old_lines, new_lines))


def text_of(value: Any) -> str:
    """A text as it is, anything else as indented JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _compared(old: list[str], new: list[str]) -> Iterator[Line]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    end = 0
    for group in matcher.get_grouped_opcodes(_AROUND):
        if group[0][1] > end:
            yield Line("gap")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (Line("same", (Part(line),)) for line in old[i1:i2])
            else:
                yield from _replaced(old[i1:i2], new[j1:j2])
        end = group[-1][2]
    if 0 < end < len(old):
        yield Line("gap")


def _replaced(old: list[str], new: list[str]) -> Iterator[Line]:
    if len(old) != len(new):
        yield from (Line("before", (Part(line),)) for line in old)
        yield from (Line("after", (Part(line),)) for line in new)
        return
    pairs = [_words(before, after) for before, after in zip(old, new, strict=True)]
    yield from (Line("before", before) for before, _ in pairs)
    yield from (Line("after", after) for _, after in pairs)


def _words(before: str, after: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Both lines in pieces, those that differ marked."""
    if max(len(before), len(after)) > _LONGEST_LINE:
        return (Part(before),), (Part(after),)
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return (Part(before),), (Part(after),)
    left, right = [], []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        differs = tag != "equal"
        left.append(Part("".join(old[i1:i2]), differs))
        right.append(Part("".join(new[j1:j2]), differs))
    return tuple(part for part in left if part.text), tuple(part for part in right if part.text)
