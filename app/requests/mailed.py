"""The beginning of a Markdown text, as a mail shows it: HTML as on the page, and a text without the marks."""

from collections.abc import Iterator

import msgspec
from markdown_it.tree import SyntaxTreeNode
from markupsafe import Markup

from .markdown import drawn, parsed

LONGEST = 600  # characters of a text in a mail

_HEADING = "margin:16px 0 8px;font-size:17px;line-height:1.3"
_CELL = "padding:4px 12px 4px 0;border-bottom:1px solid #8886;text-align:left;vertical-align:top"
_STYLES = {
    **dict.fromkeys(("h2", "h3", "h4", "h5", "h6"), _HEADING),
    **dict.fromkeys(("th", "td"), _CELL),
    "table": "border-collapse:collapse",
    "blockquote": "margin:12px 0;padding-left:12px;border-left:3px solid #8886",
    "pre": "white-space:pre-wrap;font-size:14px",
}
"""On the tags themselves: mail programs know no others."""


class Excerpt(msgspec.Struct, frozen=True):
    """How a text begins."""

    text: str
    html: Markup


def excerpt_of(text: str) -> Excerpt | None:
    """How the text begins, and whether it goes on; None where it says nothing."""
    tokens = parsed(_beginning_of(text))
    plain = "\n\n".join(_blocks(SyntaxTreeNode(tokens)))
    return Excerpt(plain, drawn(tokens, _STYLES)) if plain else None


def _beginning_of(text: str) -> str:
    """Whole lines where that leaves enough, else whole words: a table cut in two is a table still."""
    if len(text) <= LONGEST:
        return text
    cut = text[:LONGEST]
    ends = (cut.rfind("\n"), cut.rfind(" "), LONGEST)
    return cut[: next(end for end in ends if end > LONGEST // 2)].rstrip() + "\n\n…"


def _blocks(node: SyntaxTreeNode) -> Iterator[str]:
    """The blocks inside a block, as text."""
    for child in node.children:
        text = _block(child)
        if text:
            yield text


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "bullet_list" | "ordered_list":
            first = int(node.attrGet("start") or 1) if node.type == "ordered_list" else None
            return "\n".join(
                _hanging("- " if first is None else f"{first + index}. ", "\n".join(_blocks(item)))
                for index, item in enumerate(node.children)
            )
        case "blockquote":
            return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(_blocks(node)).splitlines())
        case "table":
            return "\n".join(" | ".join(_blocks(row)) for part in node.children for row in part.children)
        case "hr":
            return "* * *"
        case "fence" | "code_block":
            return node.content.rstrip("\n")
        case "inline":
            return _words(node).strip()
        case _:
            return "\n\n".join(_blocks(node))


def _words(node: SyntaxTreeNode) -> str:
    """What a paragraph says, without its marks. Behind a link stands where it leads."""
    return "".join(
        "\n" if child.type in {"softbreak", "hardbreak"} else child.content if not child.children else _words(child)
        for child in node.children
    )


def _hanging(mark: str, text: str) -> str:
    return mark + text.replace("\n", "\n" + " " * len(mark))
