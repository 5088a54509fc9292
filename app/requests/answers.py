"""Whether an answer is one that was asked for: the same for every door (page, REST, callback, client, command, default)."""

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from ..tokens.schemas import LONGEST_COMMENT
from .forms import (
    UNKNOWN,
    Edit,
    FieldError,
    controls,
    edits,
    example_in,
    form_of,
    has_secrets,
    names_kept_back_in,
    typed_in,
    typed_of,
    validate,
)
from .forms.references import escaped
from .models import COMMENT, Style
from .spec import Spec, properties_of
from .values import holds

SUBMIT = "submit"
MOST_EDITS = 100
LONGEST_EXAMPLE = 2_000  # characters
_NOTHING: tuple[Any, ...] = (None, "", [], {})


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it is offered: everything that a program may leave out is there."""

    value: str
    label: str
    effect: str
    output: Mapping[str, Any]
    require: tuple[str, ...] = ()
    confirm: bool = False
    needs_form: bool = False
    style: Style = "plain"


class Accepted(msgspec.Struct, frozen=True):
    """An answer that was asked for: which choice it is, and what was changed of what was proposed."""

    choice: Choice
    edits: tuple[Edit, ...] = ()


_APPROVE = Choice(value="approve", label="Approve", effect="It goes ahead.", output={"approved": True}, style="main")
_SEND_BACK = Choice(
    value="reject",
    label="Send back",
    effect="It does not go ahead; your comment is passed on.",
    output={"approved": False},
)
_SEND = Choice(value=SUBMIT, label="Send", effect="", output={}, needs_form=True, style="main")


def choices_of(spec: Spec) -> tuple[Choice, ...]:
    """The ways to answer: those that were asked for, else to send the form, else to approve or send back."""
    if not spec.decisions:
        return (_APPROVE, _SEND_BACK) if spec.form is None else (_SEND,)
    return tuple(
        Choice(
            value=decision.value,
            label=decision.label or decision.value.replace("_", " ").replace("-", " ").capitalize(),
            effect=decision.effect,
            output=decision.output if isinstance(decision.output, dict) else {"decision": decision.value},
            require=tuple(decision.require),
            confirm=decision.confirm,
            needs_form=decision.form and spec.form is not None,
            style=decision.style or ("careful" if decision.confirm else "plain" if index else "main"),
        )
        for index, decision in enumerate(spec.decisions)
    )


def takes_a_comment(spec: Spec) -> bool:
    """Whether a comment can go along: where no form says what may, or where a decision needs one."""
    if COMMENT in properties_of(spec.form):
        return False
    return spec.form is None or any(COMMENT in decision.require for decision in spec.decisions)


def output_of(choice: Choice, form_value: Mapping[str, Any] | None, comment: str) -> dict[str, Any]:
    """What the program receives: the form, what the decision adds, and the comment where there is one."""
    filled = dict(form_value or {}) if choice.needs_form else {}
    return {**filled, **choice.output, **({COMMENT: comment} if comment else {})}


def example_of(spec: Spec) -> dict[str, Any]:
    """An answer that would be taken, by the first of the ways to answer; short, however much was proposed."""
    choice = choices_of(spec)[0]
    comment = "…" if COMMENT in choice.require and takes_a_comment(spec) else ""
    if not choice.needs_form:
        return output_of(choice, None, comment)
    form = form_of(spec.form or {})
    answer = output_of(choice, example_in(form, spec.proposed or {}), comment)
    return answer if len(_text_of(answer)) <= LONGEST_EXAMPLE else output_of(choice, example_in(form), comment)


def check(spec: Spec, answer: Any) -> Accepted | list[FieldError]:
    """Which decision an output is, or what is wrong with it, field by field."""
    choices = choices_of(spec)
    if not isinstance(answer, dict):
        return [FieldError("", "not-an-object", f"The answer must be a JSON object: {_offered(choices)}.")]
    choice = next((choice for choice in choices if holds(answer, choice.output)), None)
    if choice is None:
        return [FieldError("", "no-such-decision", f"The answer fits none of the decisions: {_offered(choices)}.")]
    errors = _errors(spec, choice, answer)
    return errors or Accepted(choice, _edits(spec, choice, answer))


def _errors(spec: Spec, choice: Choice, answer: Mapping[str, Any]) -> list[FieldError]:
    has_comment = takes_a_comment(spec)
    own = {*choice.output, *([COMMENT] if has_comment else [])}
    rest = {name: value for name, value in answer.items() if name not in own}
    errors = []
    if choice.needs_form:
        errors += validate(spec.form, rest)  # type: ignore[arg-type]  # it is there when it is needed
    else:
        sentence = f'is not asked for with the decision "{choice.value}"'
        errors += [FieldError(f"/{escaped(name)}", "unknown-field", f"{name[:60]} {sentence}.") for name in rest]
    if has_comment and COMMENT in answer:
        errors += _errors_of_comment(answer[COMMENT])
    told = {error.pointer for error in errors}
    for name in choice.require:
        pointer = f"/{escaped(name)}"
        if pointer not in told and is_blank(answer.get(name)):
            errors.append(FieldError(pointer, "required", required_sentence(spec, choice, name)))
    return errors


def is_blank(value: Any) -> bool:
    """Whether a field that a decision requires was left empty. No and nought are answers."""
    return value in _NOTHING if not isinstance(value, (bool, int, float, str)) else str(value).strip() == ""


def required_sentence(spec: Spec, choice: Choice, name: str) -> str:
    """Why a field must be filled, to whoever fills it."""
    described = properties_of(spec.form).get(name)
    title = described.get("title") if isinstance(described, dict) else None
    what = "a comment" if name == COMMENT else f"“{title if isinstance(title, str) else name}”"
    return f"“{choice.label}” needs {what}."


def _errors_of_comment(comment: Any) -> list[FieldError]:
    if not isinstance(comment, str):
        return [FieldError(f"/{COMMENT}", "not-a-text", "The comment must be a text.")]
    if len(comment) > LONGEST_COMMENT:
        sentence = f"A comment has at most {LONGEST_COMMENT:,} characters; this one has {len(comment):,}."
        return [FieldError(f"/{COMMENT}", "too-long", sentence)]
    return []


def _edits(spec: Spec, choice: Choice, answer: Mapping[str, Any]) -> tuple[Edit, ...]:
    """What was changed of what was proposed; what nothing was said about is an answer, and no edit."""
    if spec.proposed is None or spec.form is None or not choice.needs_form:
        return ()
    own = {*choice.output, *([COMMENT] if takes_a_comment(spec) else [])}
    found = edits(form_of(spec.form), spec.proposed, answer, spec.proposed.keys() - own)
    return tuple(islice(found, MOST_EDITS))


def _offered(choices: Sequence[Choice]) -> str:
    shown = [f"{choice.value} ({_shown(choice.output)})" if choice.output else choice.value for choice in choices]
    return "it must be " + " or ".join(shown) if len(shown) < 3 else "it must be one of " + ", ".join(shown)


def _shown(value: Any) -> str:
    text = _text_of(value)
    return text if len(text) <= 80 else text[:80] + "…"


def _text_of(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True)


def untouched(spec: Spec) -> dict[str, str]:
    """What stands in the form before anybody has touched it: the values that were proposed, or the defaults."""
    if spec.form is None:
        return {}
    return typed_of(form_of(spec.form), UNKNOWN if spec.proposed is None else spec.proposed)


def without_secrets(spec: Spec, posted: Mapping[str, str]) -> dict[str, str]:
    """What was typed, without what no page shows again: a draft does not keep it."""
    form = None if spec.form is None else form_of(spec.form)
    if form is None or not has_secrets(form.root):
        return dict(posted)
    drawn = controls(form, typed_in(form, dict(posted), UNKNOWN if spec.proposed is None else spec.proposed))
    secret = set(names_kept_back_in(drawn))
    return {name: text for name, text in posted.items() if name not in secret}
