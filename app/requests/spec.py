"""What people are asked, as a program says it (DESIGN.md section 6): the values, and how they are kept.

Reading them from what a program sent, where every mistake has its sentence, is `parsing`.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .models import ADDRESS, GROUP, GROUP_MARK, ApproverKind, Identity, Style

LONGEST_TITLE = 200  # characters
LONGEST_BODY = 10_000  # characters; the unkindest Markdown of that length is drawn in 0.1 s
LONGEST_NAME = 200  # characters, of a requester, a journey or a step
LONGEST_LABEL = 60  # characters
LONGEST_EFFECT = 300  # characters
LONGEST_URL = 2_000  # characters
MOST_DECISIONS = 10
MOST_APPROVERS = 50
MOST_STEPS = 100

NAME_OF_A_DECISION = "[A-Za-z0-9][A-Za-z0-9_-]{0,39}"


class Decision(
    msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One way to answer: a button."""

    value: Annotated[
        str,
        Meta(
            pattern=f"^{NAME_OF_A_DECISION}$",
            description="What the decision is called by programs.",
            examples=["approve"],
        ),
    ]
    label: Annotated[
        str, Meta(max_length=LONGEST_LABEL, description="What the button says. Left out: the value, as a word.")
    ] = ""
    effect: Annotated[str, Meta(max_length=LONGEST_EFFECT, description="What will happen, said beside the button.")] = (
        ""
    )
    output: Annotated[
        dict[str, Any] | UnsetType,
        Meta(description='What the output holds when this is chosen. Left out: {"decision": value}.'),
    ] = UNSET
    require: Annotated[
        list[str], Meta(description="Fields of the form, or comment, that must be filled for this decision.")
    ] = []
    confirm: Annotated[bool, Meta(description="Whether to ask once more, for what cannot be undone.")] = False
    form: Annotated[bool, Meta(description="false: the form need not be filled, and is not part of the output.")] = True
    style: Annotated[
        Style | None,
        Meta(
            description="How the button looks: main, plain or careful. Left out: careful where it is asked once more, main for the first, else plain."
        ),
    ] = None


class Diff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two versions of the same: texts, or any JSON."""

    before: Any
    after: Any


class OnTimeout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The default answer."""

    output: Annotated[
        dict[str, Any], Meta(description="Taken as the answer when the deadline passes; it must satisfy the request.")
    ]


class Step(msgspec.Struct, omit_defaults=True, frozen=True, forbid_unknown_fields=True):
    """Where in a journey this is."""

    index: Annotated[int, Meta(ge=1, le=MOST_STEPS)]
    of: Annotated[int, Meta(ge=1, le=MOST_STEPS)] | None = None
    title: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""


class Spec(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What people are asked; every field may be left out. Unknown fields are refused."""

    title: Annotated[str, Meta(max_length=LONGEST_TITLE, description="The question, in one line.")] = ""
    body: Annotated[str, Meta(max_length=LONGEST_BODY, description="More about it, in Markdown.")] = ""
    context: Annotated[Any, Meta(description="What it is about, as JSON: shown as a tree or a table.")] = UNSET
    diff: Annotated[Diff | None, Meta(description="What would change, shown line by line.")] = None
    form: Annotated[
        dict[str, Any] | None,
        Meta(description="A JSON Schema (2020-12) of an object: the answer must satisfy it, through every door."),
    ] = None
    proposed: Annotated[
        dict[str, Any] | None,
        Meta(description="Values that the form is filled with beforehand, to be approved or edited."),
    ] = None
    decisions: Annotated[
        list[Decision],
        Meta(max_length=MOST_DECISIONS, description="The ways to answer. Left out: approve or send back, or the form."),
    ] = []
    requester: Annotated[
        str,
        Meta(max_length=LONGEST_NAME, description="Who asks: a mail address, or a name.", examples=["ada@example.com"]),
    ] = ""
    approvers: Annotated[
        str | list[str],
        Meta(
            description="Who may answer: mail addresses and group:<name>. Left out: whoever has the link.",
            examples=[["ben@example.com", "group:editors"]],
        ),
    ] = []
    identity: Annotated[
        Identity, Meta(description="signed-in: a link only shows the request, and who answers has signed in.")
    ] = "link"
    self_approval: Annotated[
        bool, Meta(description="false: neither the requester nor the program that asked may answer.")
    ] = True
    notify: Annotated[bool, Meta(description="Whether the approvers are written to.")] = True
    on_timeout: Annotated[OnTimeout | None, Meta(description="The default answer, told to the approver in words.")] = (
        None
    )
    journey: Annotated[
        str, Meta(max_length=LONGEST_NAME, description="The chain of questions that this belongs to.")
    ] = ""
    step: Annotated[Step | None, Meta(description="Where in the journey this is.")] = None
    redirect_url: Annotated[
        str, Meta(max_length=LONGEST_URL, description="Where the browser goes after the answer.")
    ] = ""

    @property
    def is_open(self) -> bool:
        """Whether whoever holds the link may answer. Else it must be known who does."""
        return not self.approvers and self.identity == "link" and self.self_approval


class Approver(msgspec.Struct, frozen=True):
    """Somebody who is asked."""

    kind: ApproverKind
    value: str


def approvers_of(spec: Spec) -> list[Approver]:
    """Everybody who is asked, each once."""
    return [_approver_in(text) for text in spec.approvers]


def as_text(approver: Approver) -> str:
    """`ben@example.com`, `group:editors`."""
    return f"{GROUP_MARK}{approver.value}" if approver.kind == GROUP else approver.value


def written(spec: Spec) -> str:
    """The request as it is kept."""
    return json.dumps(msgspec.to_builtins(spec), ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=32)  # a request can be half a megabyte
def read(text: str) -> Spec:
    """The request that was kept."""
    return msgspec.convert(json.loads(text), Spec)


def properties_of(form: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields that a form names at its top."""
    properties = (form or {}).get("properties")
    return properties if isinstance(properties, dict) else {}


def _approver_in(text: str) -> Approver:
    is_group = text.startswith(GROUP_MARK)
    return Approver(GROUP, text.removeprefix(GROUP_MARK)) if is_group else Approver(ADDRESS, text)
