"""What people are asked, read from what a program sent: whatever is wrong is said with its field, rule and value."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from msgspec import UNSET

from ..notifications.addresses import BadAddress, address_of
from ..people.groups import is_slug
from ..web.problems import invalid
from .fields import Fields, shown, wrong
from .forms import check_schema
from .forms.references import escaped
from .models import ADDRESS, COMMENT, GROUP, GROUP_MARK, Identity, Style
from .spec import (
    LONGEST_BODY,
    LONGEST_EFFECT,
    LONGEST_LABEL,
    LONGEST_NAME,
    LONGEST_TITLE,
    LONGEST_URL,
    MOST_APPROVERS,
    MOST_DECISIONS,
    MOST_STEPS,
    NAME_OF_A_DECISION,
    Approver,
    Decision,
    Diff,
    OnTimeout,
    Spec,
    Step,
    as_text,
    properties_of,
)
from .values import holds

_IDENTITIES: tuple[Identity, ...] = ("link", "signed-in")
_STYLES: tuple[Style, ...] = ("main", "plain", "careful")
_DECISION = re.compile(NAME_OF_A_DECISION)


def spec_in(value: Any, pointer: str = "/request") -> Spec:
    """What a request says. Raises a 400 Problem that names the field, the rule and what came.

    Whether a default answer satisfies it is for the caller to check.
    """
    fields = Fields(value, pointer, "request", Spec)
    form, decisions = _form(fields), _decisions(fields)
    _check_decisions(decisions, form, f"{pointer}/decisions")
    spec = Spec(
        title=fields.line("title", LONGEST_TITLE),
        body=fields.text("body", LONGEST_BODY),
        context=fields.get("context", UNSET),
        diff=fields.optional("diff", _diff),
        form=form,
        proposed=_proposed(fields, form),
        decisions=decisions,
        requester=_requester(fields),
        approvers=[as_text(approver) for approver in _approvers(fields)],
        identity=fields.one_of("identity", _IDENTITIES, "link"),
        self_approval=fields.flag("selfApproval", default=True),
        notify=fields.flag("notify", default=True),
        on_timeout=fields.optional("onTimeout", _on_timeout),
        journey=fields.line("journey", LONGEST_NAME),
        step=fields.optional("step", _step),
        redirect_url=_url(fields, "redirectUrl") if "redirectUrl" in fields else "",
    )
    if spec.step is not None and not spec.journey:
        raise invalid(f"{pointer}/step", "missing-journey", "needs a journey beside it")
    if spec.journey in {".", ".."}:
        raise fields.refuse("journey", f"must be a name that an address can hold, not {shown(spec.journey)}")
    if spec.requester and "@" not in spec.requester and not spec.self_approval:
        rule = "must be a mail address where selfApproval is false, so that it is known who may not answer"
        raise fields.refuse("requester", f"{rule}, not {shown(spec.requester)}", "invalid-email")
    if not spec.self_approval and spec.approvers == [spec.requester]:
        rule = "must name somebody else than the requester, who may not answer where selfApproval is false"
        raise invalid(fields.at("approvers"), "own-request", rule, 422)
    return spec


def _form(fields: Fields) -> dict[str, Any] | None:
    if fields.get("form") is None:
        return None
    check_schema(fields.get("form"), fields.at("form"))
    return fields.object("form")


def _proposed(fields: Fields, form: dict[str, Any] | None) -> dict[str, Any] | None:
    if fields.get("proposed") is None:
        return None
    if form is None:
        raise fields.refuse("proposed", "needs a form beside it", "missing-form")
    proposed = fields.object("proposed")
    strange = next((name for name in proposed if _is_closed_to(form, name)), None)
    if strange is not None:
        # It would travel with the answer, which could then never be sent.
        rule = "is proposed, and the form takes nothing but its own properties"
        raise wrong(f"{fields.at('proposed')}/{escaped(strange)}", strange[:60], "unknown-field", rule)
    return proposed


def _is_closed_to(form: dict[str, Any], name: str) -> bool:
    is_closed = form.get("additionalProperties") is False and "patternProperties" not in form
    return is_closed and name not in form.get("properties", {})


def _diff(fields: Fields, name: str) -> Diff:
    diff = fields.within(name, Diff)
    for side in ("before", "after"):
        if side not in diff:
            raise diff.refuse(side, "must be given: a diff has two sides", "missing-side")
    return Diff(diff.get("before"), diff.get("after"))


def _decisions(fields: Fields) -> list[Decision]:
    given = fields.get("decisions", [])
    if not isinstance(given, list) or len(given) > MOST_DECISIONS:
        came = f"{len(given)} of them" if isinstance(given, list) else shown(given)
        raise fields.refuse("decisions", f"must be a list of at most {MOST_DECISIONS} decisions, not {came}")
    return [_decision(value, f"{fields.at('decisions')}/{index}") for index, value in enumerate(given)]


def _decision(value: Any, pointer: str) -> Decision:
    fields = Fields(value, pointer, "decision", Decision)
    name = fields.get("value")
    if not isinstance(name, str) or not _DECISION.fullmatch(name):
        rule = 'must be a name of letters, digits, "-" and "_" with at most 40 characters'
        raise fields.refuse("value", f"{rule}, not {shown(name)}")
    require = fields.get("require", [])
    if not isinstance(require, list) or not all(isinstance(each, str) and each for each in require):
        raise fields.refuse("require", f"must be a list of names of fields, not {shown(require)}")
    return Decision(
        value=name,
        label=fields.line("label", LONGEST_LABEL),
        effect=fields.line("effect", LONGEST_EFFECT),
        output=fields.object("output") if "output" in fields else UNSET,
        require=[*dict.fromkeys(require)],
        confirm=fields.flag("confirm", default=False),
        form=fields.flag("form", default=True),
        style=fields.one_of("style", _STYLES, None),
    )


def _check_decisions(decisions: list[Decision], form: dict[str, Any] | None, pointer: str) -> None:
    """What decisions must not be beside each other, and beside the form."""
    named = properties_of(form)
    seen: list[Decision] = []
    for index, decision in enumerate(decisions):
        here = f"{pointer}/{index}"
        if any(decision.value == earlier.value for earlier in seen):
            raise invalid(
                f"{here}/value",
                "duplicate-decision",
                f"must differ from the others, and {decision.value!r} is there twice",
            )
        for number, name in enumerate(decision.require):
            if name != COMMENT and (name not in named or not decision.form):
                sentence = f"must name {COMMENT} or a field of the form that this decision asks for, not {shown(name)}"
                raise wrong(f"{here}/require/{number}", "require", "unknown-field", sentence)
        output = _output_of(decision)
        for earlier in seen:
            if holds(output, _output_of(earlier)):
                sentence = (
                    f"would be taken for {earlier.value!r}, whose output it holds: put it in front, or let them differ"
                )
                raise wrong(f"{here}/output", "output", "ambiguous-output", sentence)
        for name in output:
            if name == COMMENT or (name in named and decision.form):
                what = "the comment" if name == COMMENT else "a field of the form"
                sentence = f"must not hold {shown(name)}, which is {what}: one of the two would be lost"
                raise wrong(f"{here}/output", "output", "ambiguous-output", sentence)
        seen.append(decision)


def _output_of(decision: Decision) -> dict[str, Any]:
    return decision.output if isinstance(decision.output, dict) else {"decision": decision.value}


def _requester(fields: Fields) -> str:
    text = fields.line("requester", LONGEST_NAME)
    if "@" not in text:
        return text
    return _address(text, fields.at("requester"), "requester")


def _approvers(fields: Fields) -> Iterable[Approver]:
    given = fields.get("approvers", [])
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or len(given) > MOST_APPROVERS:
        came = f"{len(given)} of them" if isinstance(given, list) else shown(given)
        raise fields.refuse("approvers", f"must be a list of at most {MOST_APPROVERS} addresses and groups, not {came}")
    if not given and "approvers" in fields:
        raise fields.refuse("approvers", "must name somebody; leave it out to let everybody answer who has the link")
    return dict.fromkeys(_approver(text, f"{fields.at('approvers')}/{index}") for index, text in enumerate(given))


def _approver(text: Any, pointer: str) -> Approver:
    if not isinstance(text, str):
        raise wrong(
            pointer, "approvers", "invalid-approver", f"must be mail addresses and group:<name>, not {shown(text)}"
        )
    if not text.startswith(GROUP_MARK):
        return Approver(ADDRESS, _address(text, pointer, "approvers"))
    if not is_slug(text.removeprefix(GROUP_MARK)):
        rule = "names a group by small letters, digits and hyphens, as in group:editors"
        raise wrong(pointer, "approvers", "invalid-approver", f"{rule}, not {shown(text)}")
    return Approver(GROUP, text.removeprefix(GROUP_MARK))


def _address(text: str, pointer: str, name: str) -> str:
    try:
        return address_of(text)
    except BadAddress as error:
        sentence = f"must be a mail address such as ben@example.com, not {shown(text)}: {error}"
        raise wrong(pointer, name, "invalid-email", sentence) from error


def _on_timeout(fields: Fields, name: str) -> OnTimeout:
    on_timeout = fields.within(name, OnTimeout)
    return OnTimeout(on_timeout.object("output"))


def _step(fields: Fields, name: str) -> Step:
    step = fields.within(name, Step)
    index = step.number("index", MOST_STEPS)
    of = step.number("of", MOST_STEPS) if step.get("of") is not None else None
    if of is not None and index > of:
        raise step.refuse("index", f"must not be beyond of, which is {of}, and is {index}")
    return Step(index, of, step.line("title", LONGEST_NAME))


def _url(fields: Fields, name: str) -> str:
    text = fields.line(name, LONGEST_URL)
    try:
        parts = urlsplit(text)
        host, has_user = parts.hostname, "@" in parts.netloc
        is_good = parts.scheme in {"http", "https"} and bool(host)
    except ValueError:
        is_good, host, has_user = False, None, False
    if is_good and has_user:
        sentence = f"must have no user name before its host: {shown(text)} leads to {host}"
        raise fields.refuse(name, sentence, "invalid-url")
    if not is_good or " " in text or "\\" in text:
        raise fields.refuse(
            name, f"must be an address that starts with https:// or http://, not {shown(text)}", "invalid-url"
        )
    return text
