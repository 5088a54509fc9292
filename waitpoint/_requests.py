"""What people are asked on a token, as Python says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from waitpoint import _arguments as arguments
from waitpoint._errors import InvalidInput


class Decision(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One way to answer: a button. Only `value` is needed."""

    #: What the decision is called: letters, digits, `-` and `_`.
    value: str
    #: What the button says. Left out: the value, as a word.
    label: str | UnsetType = UNSET
    #: What will happen, said beside the button.
    effect: str | UnsetType = UNSET
    #: What the output holds when this is chosen. Left out: `{"decision": value}`.
    output: Mapping[str, Any] | UnsetType = UNSET
    #: Fields of the form, or `comment`, that must be filled.
    require: Sequence[str] | UnsetType = UNSET
    #: Ask once more, for what cannot be undone.
    confirm: bool = False
    #: False: the form need not be filled, and is no part of the output. For sending back.
    form: bool = True
    style: Literal["main", "plain", "careful"] | UnsetType = UNSET


class Diff(Struct, frozen=True):
    """Two versions of the same, shown line by line: texts, or anything that JSON can hold."""

    before: Any
    after: Any


class Step(Struct, frozen=True, omit_defaults=True):
    """Where in a journey a question is."""

    index: int
    of: int | UnsetType = UNSET
    title: str | UnsetType = UNSET


class Request(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What people are asked. Everything may be left out: `Request()` asks "Do you approve?"."""

    #: The question, in one line.
    title: str | UnsetType = UNSET
    #: More about it, in Markdown.
    body: str | UnsetType = UNSET
    #: What it is about, shown as a tree or a table: anything that JSON can hold, models too.
    context: Any = UNSET
    #: What would change.
    diff: Diff | UnsetType = UNSET
    #: What the answer must satisfy, and what the form is drawn from: a Pydantic model, dataclass, TypedDict or
    #: Struct, or a JSON Schema.
    form: Any = UNSET
    #: Values that the form is filled with beforehand, to be approved or edited.
    proposed: Any = UNSET
    #: The ways to answer. Left out: approve or send back, or with a form to send it.
    decisions: Sequence[Decision] | UnsetType = UNSET
    #: Who asks: a mail address or a name.
    requester: str | UnsetType = UNSET
    #: Who may answer: mail addresses, and `group:editors`. Left out: whoever has the link.
    approvers: str | Sequence[str] | UnsetType = UNSET
    #: `signed-in`: a link only shows the question, and who answers has signed in.
    identity: Literal["link", "signed-in"] | UnsetType = UNSET
    #: False: neither the requester nor the API key that asked may answer.
    self_approval: bool = True
    #: False: the approvers are not written to.
    notify: bool = True
    #: The default answer: the output when nobody answers in time.
    on_timeout: Any = UNSET
    #: The chain of questions that this belongs to, and where in it.
    journey: str | UnsetType = UNSET
    step: Step | UnsetType = UNSET
    #: Where the browser goes after the answer.
    redirect_url: str | UnsetType = UNSET


RequestLike: TypeAlias = Request | Mapping[str, Any]


def on_the_wire(request: object) -> dict[str, Any]:
    """The request as the server reads it. A mapping has the server's own names already."""
    if isinstance(request, Mapping):
        plain: dict[str, Any] = arguments.plain("request", request)
        return plain
    if not isinstance(request, Request):
        raise InvalidInput(f"request is a {type(request).__name__}. Pass a waitpoint.Request, or a mapping.")
    fields = {
        member.encode_name: getattr(request, member.name)
        for member in msgspec.structs.fields(request)
        if getattr(request, member.name) is not UNSET and getattr(request, member.name) != member.default
    }
    if "form" in fields:
        fields["form"] = _schema(fields["form"])
    if "onTimeout" in fields:
        fields["onTimeout"] = {"output": fields["onTimeout"]}
    if "decisions" in fields:
        fields["decisions"] = [msgspec.to_builtins(decision) for decision in fields["decisions"]]
    if "step" in fields:
        fields["step"] = msgspec.to_builtins(fields["step"])
    found: dict[str, Any] = arguments.plain("request", fields)
    return found


def _schema(form: Any) -> Any:
    """The JSON Schema of a type; a mapping is one."""
    if not isinstance(form, type):
        return form
    if hasattr(form, "model_json_schema"):
        return form.model_json_schema()
    try:
        return msgspec.json.schema(form)
    except TypeError as error:
        raise InvalidInput(f"request.form: {form.__name__} has no JSON Schema ({error}).") from None
