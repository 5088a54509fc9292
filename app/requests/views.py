"""What the pages of requests show, gathered in one read each. Pages and pushes to open pages both draw from here."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from markupsafe import Markup

from ..database import Unit
from ..pages import words
from ..tokens.models import By, Token
from ..tokens.search import Doubt
from ..tokens.views import View, settled_by, token_view, version_of
from . import reading, rights
from .answers import Accepted, Choice, check, choices_of, example_of, takes_a_comment
from .changes import Line, lines_of, text_of
from .forms import UNKNOWN, changes_in_words, controls, form_of, has_secrets, standing_in, told, typed_in
from .markdown import html_of
from .models import COMMENT
from .reading import Request
from .spec import Diff, Spec
from .trees import Node, label_of, said, tree_of

_FIELDS_IN_WORDS = {
    "title": "Question",
    "body": "Text",
    "context": "Details",
    "diff": "Before and after",
    "form": "Form",
    "proposed": "Proposed values",
    "decisions": "Ways to answer",
    "requester": "Asked by",
    "approvers": "Who may answer",
    "identity": "How it must be known who answers",
    "self_approval": "Whether who asks may answer",
    "on_timeout": "If nobody answers",
}
"""What a person is told of an amendment. The rest is between the program and us."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it is drawn."""

    title: str
    body: Markup | None
    context: Node | None
    sent_along: Node | None
    """What was proposed and has no field in the form: the program receives it with the answer."""
    diff: list[Line] | None
    sides: tuple[str, str] | None
    requester: str
    version: int
    choices: tuple[Choice, ...]
    has_comment: bool
    needs_comment: tuple[str, ...]
    """What the decisions are called that need a comment."""
    by_default: str | None
    """What it comes to when nobody answers, as the decision is called; None when there is no default answer."""
    default_values: Node | None
    """What is filled in then."""


class EditShown(msgspec.Struct, frozen=True):
    """A value that was proposed, and what was answered instead."""

    label: str
    before: Node
    after: Node

    @property
    def is_short(self) -> bool:
        """Whether both stand in a line."""
        return {self.before.kind, self.after.kind} <= {"text", "nothing", "file"}


class Outcome(msgspec.Struct, frozen=True):
    """An answer as it is drawn: which decision, with which words, and the rest of what was filled in."""

    label: str
    is_usual: bool
    """Whether it is to approve or to send back, as everywhere."""
    comment: str
    rest: Node | None
    edits: tuple[EditShown, ...] = ()
    has_secrets: bool = False
    """Whether the raw output holds what no page shows."""


class Change(msgspec.Struct, frozen=True):
    """A part of a request that reads differently since."""

    label: str
    lines: list[Line] | None = None
    sentences: tuple[str, ...] = ()
    """What is told in words, in place of lines."""


def door_view(db: Unit, token_id: str, environment_id: str, by: By | None = None) -> View | Doubt | None:
    """A token as the approval page tells it, to somebody outside: names of API keys stay inside.

    With `by` it is told, too, whether they may answer.
    """
    view = token_view(db, token_id, environment_id)
    if view is None or isinstance(view, Doubt):
        return view
    token: Token = view["token"]
    request = reading.find(db, token_id) if token.has_request else None
    asked = question_of(token, request)
    refusal = None if request is None or by is None else rights.refusal(db, request, by)
    return {
        **view,
        **asked,
        "files": f"/approve/{token.id}/files",
        "settled_by": settled_by(view["ending"], outside=True),
        "late_title": late_title(token, asked["outcome"]),
        "refusal": refusal,
        "may_withdraw": request is not None and by is not None and rights.is_requester(db, request, by),
        "has_inbox": by is not None and by.kind == "person",
        "answers_as": by.name if by is not None and by.kind in {"person", "link"} else None,
        "tells_opened": token.is_waiting and by is not None and by.kind == "link",
        # Whatever else happens, the page of a question that waits is left alone: somebody may be writing on it.
        "version": version_of(token.status, None if request is None else request.version),
    }


def question_beside(db: Unit, token: Token) -> View:
    """What is asked on a token, and how it was answered, for its page at the desk."""
    request = reading.find(db, token.id) if token.has_request else None
    example = None if request is None or token.is_settled else example_of(request.spec)
    return question_of(token, request) | {"files": f"/tokens/{token.id}/files", "example": example}


def question_of(token: Token, request: Request | None) -> View:
    """The question and the outcome, for templates."""
    if request is None:
        return {"request": None, "question": None, "outcome": None}
    return {
        "request": request,
        "question": _question(request, token),
        "outcome": outcome_of(request.spec, token) if token.is_completed else None,
    }


def answer_in(token: Token) -> Any:
    """What a token was answered with, as a value; None also where it is no JSON."""
    try:
        return json.loads(token.output or "null")
    except ValueError:
        return None


def late_title(token: Token, outcome: Outcome | None = None) -> str:
    """How a settled question is headed."""
    if token.is_cancelled:
        return "This question was withdrawn"
    if token.has_timed_out or token.is_default:
        return "The time is over"
    decided = words.decision(token)
    if outcome is not None and (decided is None or not outcome.is_usual):
        return f"Answered: {outcome.label}"
    if decided is None:
        return "This was answered"
    return "Approved" if decided["approved"] else "Sent back"


def answer_in_words(token: Token, spec: Spec, who: str) -> str:
    """How a question was answered, and by whom, in a line of a list."""
    outcome = outcome_of(spec, token)
    if token.is_default:
        return f"“{outcome.label if outcome else 'Answered'}” by default"
    return f"{late_title(token, outcome)} by {who}"


def title_of(spec: Spec) -> str:
    """The question in one line, whatever was given."""
    if spec.title:
        return spec.title
    return "Do you approve?" if spec.form is None else "Your answer is needed"


def changes_between(before: Spec, after: Spec) -> list[Change]:
    """What an amendment changed, in words and lines."""
    changes = []
    for name, label in _FIELDS_IN_WORDS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if name == "form" and old is not None and new is not None:
            changes.append(Change(label, sentences=tuple(changes_in_words(form_of(old), form_of(new)))))
        else:
            changes.append(Change(label, lines_of(_readable(name, old, before), _readable(name, new, after))))
    return changes


def lost_between(before: Spec, after: Spec, posted: Mapping[str, str]) -> list[tuple[str, str]]:
    """What somebody has typed and an amended form has no place for, for them to read and copy."""
    still_here = {name for name, _, _ in _standing_in(after, posted)}
    lost = [(label, text) for name, label, text in _standing_in(before, posted) if name not in still_here]
    comment = posted.get(COMMENT, "").strip()
    return [*lost, ("Comment", comment)] if comment and not takes_a_comment(after) else lost


def typed_in_words(spec: Spec | None, posted: Mapping[str, str]) -> list[tuple[str, str]]:
    """What somebody has typed into a form, field by field, for them to read and copy."""
    comment = posted.get(COMMENT, "").strip()
    fields = [] if spec is None else [(label, text) for _, label, text in _standing_in(spec, posted)]
    return [*fields, ("Comment", comment)] if comment else fields


def _standing_in(spec: Spec, posted: Mapping[str, str]) -> list[tuple[str, str, str]]:
    if spec.form is None:
        return []
    form = form_of(spec.form)
    typed = typed_in(form, dict(posted), UNKNOWN if spec.proposed is None else spec.proposed)
    return list(standing_in(controls(form, typed)))


def _question(request: Request, token: Token) -> Question:
    spec = request.spec
    choices = choices_of(spec)
    return Question(
        title=title_of(spec),
        body=html_of(spec.body) if spec.body.strip() else None,
        context=None if spec.context is msgspec.UNSET else tree_of(spec.context),
        sent_along=_sent_along(spec),
        diff=None if spec.diff is None else lines_of(spec.diff.before, spec.diff.after),
        sides=None if spec.diff is None else (text_of(spec.diff.before), text_of(spec.diff.after)),
        requester=spec.requester,
        version=request.version,
        choices=choices,
        has_comment=takes_a_comment(spec),
        needs_comment=tuple(choice.label for choice in choices if COMMENT in choice.require),
        by_default=_by_default(spec) if token.default_output is not None else None,
        default_values=tree_of(values) if (values := default_values(spec)) else None,
    )


def _sent_along(spec: Spec) -> Node | None:
    if spec.form is None or not spec.proposed:
        return None
    names = form_of(spec.form).names
    without = {name: value for name, value in spec.proposed.items() if name not in names}
    return tree_of(without) if without else None


def default_values(spec: Spec) -> dict[str, Any]:
    """What the default answer fills in, by the names that the form shows; beyond what its decision says anyway."""
    found = None if spec.on_timeout is None else check(spec, spec.on_timeout.output)
    if spec.on_timeout is None or not isinstance(found, Accepted):
        return {}
    answer = spec.on_timeout.output
    values: dict[str, Any] = _told(
        spec, {name: value for name, value in answer.items() if name not in found.choice.output}
    )
    return values


def _by_default(spec: Spec) -> str:
    assert spec.on_timeout is not None  # noqa: S101 - where the token has a default, the request says which
    found = check(spec, spec.on_timeout.output)
    return found.choice.label if isinstance(found, Accepted) else ""


def outcome_of(spec: Spec, token: Token) -> Outcome | None:
    """The answer, taken apart again. None where it is none that the request takes: it came before this was kept."""
    answer = answer_in(token)
    found = check(spec, answer)
    if not isinstance(found, Accepted):
        return None
    has_comment = takes_a_comment(spec)
    own = {*found.choice.output, *([COMMENT] if has_comment else [])}
    rest = {name: value for name, value in answer.items() if name not in own}
    return Outcome(
        label=found.choice.label,
        is_usual=not spec.decisions and spec.form is None,
        comment=str(answer.get(COMMENT) or "") if has_comment else "",
        rest=tree_of(_told(spec, rest)) if rest else None,
        edits=tuple(EditShown(edit.label, tree_of(edit.before), tree_of(edit.after)) for edit in found.edits),
        has_secrets=spec.form is not None and has_secrets(form_of(spec.form).root),
    )


def _told(spec: Spec, answer: dict[str, Any]) -> Any:
    """What was filled in, as the form showed it."""
    return answer if spec.form is None else told(form_of(spec.form), answer)


def _readable(name: str, value: Any, spec: Spec) -> Any:
    """A part of a request as text that can be compared."""
    if value is msgspec.UNSET or value is None:
        return ""
    if name == "decisions":
        return "\n".join(f"{choice.label}: {choice.effect}".rstrip(": ") for choice in choices_of(spec))
    if isinstance(value, Diff):
        return f"{text_of(value.before)}\n→\n{text_of(value.after)}"
    if name == "approvers":
        return "\n".join(value)
    if name == "form":
        return "\n".join(field.label for field in form_of(value).root.fields if field.label)
    if name in {"proposed", "on_timeout"}:
        values = _told(spec, value if name == "proposed" else value.output)
        return "\n".join(f"{label_of(label)}: {said(part)}" for label, part in values.items())
    return msgspec.to_builtins(value)
