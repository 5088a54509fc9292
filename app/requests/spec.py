"""What people are asked, as a program says it (DESIGN.md section 6), and how it is read: every mistake has its sentence."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..notifications.addresses import BadAddress, address_of
from ..people.groups import is_slug
from ..web.problems import Problem, invalid
from .forms import check_schema
from .forms.references import escaped
from .models import ADDRESS, COMMENT, GROUP, GROUP_MARK, ApproverKind, Identity, Style
from .values import holds

T = TypeVar("T")

LONGEST_TITLE = 200  # characters
LONGEST_BODY = 10_000  # characters; the unkindest Markdown of that length is drawn in 0.1 s
LONGEST_NAME = 200  # characters, of a requester, a journey or a step
LONGEST_LABEL = 60  # characters
LONGEST_EFFECT = 300  # characters
LONGEST_URL = 2_000  # characters
MOST_DECISIONS = 10
MOST_APPROVERS = 50
MOST_STEPS = 100

_IDENTITIES: tuple[Identity, ...] = ("link", "signed-in")
_STYLES: tuple[Style, ...] = ("main", "plain", "careful")
_DECISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_CONTROLS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")
_CONTROLS_OF_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Decision(
    msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One way to answer: a button."""

    value: Annotated[
        str,
        Meta(
            pattern=f"^{_DECISION.pattern}$",
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


def spec_in(value: Any, pointer: str = "/request") -> Spec:
    """What a request says. Raises a 400 Problem that names the field, the rule and what came.

    Whether a default answer satisfies it is for the caller to check.
    """
    fields = _Fields(value, pointer, "request", Spec)
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
        raise fields.refuse("journey", f"must be a name that an address can hold, not {_shown(spec.journey)}")
    if spec.requester and "@" not in spec.requester and not spec.self_approval:
        rule = "must be a mail address where selfApproval is false, so that it is known who may not answer"
        raise fields.refuse("requester", f"{rule}, not {_shown(spec.requester)}", "invalid-email")
    if not spec.self_approval and spec.approvers == [spec.requester]:
        rule = "must name somebody else than the requester, who may not answer where selfApproval is false"
        raise invalid(fields.at("approvers"), "own-request", rule, 422)
    return spec


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


class _Fields:
    """The fields of an object, taken one by one; what is wrong with one is said with its name and its place."""

    def __init__(self, value: Any, pointer: str, name: str, shape: type[msgspec.Struct]) -> None:
        self.pointer = pointer
        self.name = name
        if not isinstance(value, dict):
            raise _wrong(pointer, name, "not-an-object", f"must be a JSON object, not {_shown(value)}")
        self._values: dict[str, Any] = value
        known = shape.__struct_encode_fields__
        for field in value:
            if field not in known:
                # Never ignored: a misspelt `approvers` must not open a question to everybody.
                article = "an" if name[0] in "aeiou" else "a"
                sentence = f"is not a field of {article} {name}; known are {', '.join(sorted(known))}"
                raise _wrong(f"{pointer}/{escaped(field)}", field[:60], "unknown-field", sentence)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name, default)

    def at(self, name: str) -> str:
        return f"{self.pointer}/{name}"

    def refuse(self, name: str, sentence: str, code: str | None = None) -> Problem:
        kebab = re.sub("[A-Z]", lambda found: f"-{found[0].lower()}", name)
        return _wrong(self.at(name), name, code or f"invalid-{kebab}", sentence)

    def line(self, name: str, longest: int) -> str:
        """A text of one line. Characters that hide or turn others are kept: pages write them out."""
        text = self.text(name, longest)
        if name in self and not text.strip():
            raise self.refuse(name, "must not be empty")
        if _CONTROLS.search(text):
            raise self.refuse(name, "must be one line, without control characters")
        return text

    def text(self, name: str, longest: int) -> str:
        text = self._values.get(name, "")
        if not isinstance(text, str):
            raise self.refuse(name, f"must be a text, not {_shown(text)}")
        if len(text) > longest:
            raise self.refuse(name, f"must have at most {longest:,} characters, not {len(text):,}")
        if _CONTROLS_OF_TEXT.search(text):
            raise self.refuse(name, "must not contain control characters")
        return text

    def flag(self, name: str, *, default: bool) -> bool:
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self.refuse(name, f"must be true or false, not {_shown(value)}")
        return value

    def one_of(self, name: str, known: tuple[Any, ...], default: Any) -> Any:
        value = self._values.get(name, default)
        if value not in (*known, default):
            raise self.refuse(name, f"must be {_or(known)}, not {_shown(value)}")
        return value

    def object(self, name: str) -> dict[str, Any]:
        value = self._values.get(name)
        if not isinstance(value, dict):
            raise self.refuse(name, f"must be a JSON object, not {_shown(value)}")
        return value

    def number(self, name: str) -> int:
        value = self._values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_STEPS:
            raise self.refuse(name, f"must be a whole number from 1 to {MOST_STEPS}, not {_shown(value)}")
        return value

    def optional(self, name: str, read_it: "Callable[[_Fields, str], T]") -> T | None:
        return read_it(self, name) if self._values.get(name) is not None else None

    def within(self, name: str, shape: type[msgspec.Struct]) -> "_Fields":
        return _Fields(self._values.get(name), self.at(name), name, shape)


def _form(fields: _Fields) -> dict[str, Any] | None:
    if fields.get("form") is None:
        return None
    check_schema(fields.get("form"), fields.at("form"))
    return fields.object("form")


def _proposed(fields: _Fields, form: dict[str, Any] | None) -> dict[str, Any] | None:
    if fields.get("proposed") is None:
        return None
    if form is None:
        raise fields.refuse("proposed", "needs a form beside it", "missing-form")
    proposed = fields.object("proposed")
    strange = next((name for name in proposed if _is_closed_to(form, name)), None)
    if strange is not None:
        # It would travel with the answer, which could then never be sent.
        rule = "is proposed, and the form takes nothing but its own properties"
        raise _wrong(f"{fields.at('proposed')}/{escaped(strange)}", strange[:60], "unknown-field", rule)
    return proposed


def _is_closed_to(form: dict[str, Any], name: str) -> bool:
    is_closed = form.get("additionalProperties") is False and "patternProperties" not in form
    return is_closed and name not in form.get("properties", {})


def _diff(fields: _Fields, name: str) -> Diff:
    diff = fields.within(name, Diff)
    for side in ("before", "after"):
        if side not in diff:
            raise diff.refuse(side, "must be given: a diff has two sides", "missing-side")
    return Diff(diff.get("before"), diff.get("after"))


def _decisions(fields: _Fields) -> list[Decision]:
    given = fields.get("decisions", [])
    if not isinstance(given, list) or len(given) > MOST_DECISIONS:
        came = f"{len(given)} of them" if isinstance(given, list) else _shown(given)
        raise fields.refuse("decisions", f"must be a list of at most {MOST_DECISIONS} decisions, not {came}")
    return [_decision(value, f"{fields.at('decisions')}/{index}") for index, value in enumerate(given)]


def _decision(value: Any, pointer: str) -> Decision:
    fields = _Fields(value, pointer, "decision", Decision)
    name = fields.get("value")
    if not isinstance(name, str) or not _DECISION.fullmatch(name):
        rule = 'must be a name of letters, digits, "-" and "_" with at most 40 characters'
        raise fields.refuse("value", f"{rule}, not {_shown(name)}")
    require = fields.get("require", [])
    if not isinstance(require, list) or not all(isinstance(each, str) and each for each in require):
        raise fields.refuse("require", f"must be a list of names of fields, not {_shown(require)}")
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
                sentence = f"must name {COMMENT} or a field of the form that this decision asks for, not {_shown(name)}"
                raise _wrong(f"{here}/require/{number}", "require", "unknown-field", sentence)
        output = _output_of(decision)
        for earlier in seen:
            if holds(output, _output_of(earlier)):
                sentence = (
                    f"would be taken for {earlier.value!r}, whose output it holds: put it in front, or let them differ"
                )
                raise _wrong(f"{here}/output", "output", "ambiguous-output", sentence)
        for name in output:
            if name == COMMENT or (name in named and decision.form):
                what = "the comment" if name == COMMENT else "a field of the form"
                sentence = f"must not hold {_shown(name)}, which is {what}: one of the two would be lost"
                raise _wrong(f"{here}/output", "output", "ambiguous-output", sentence)
        seen.append(decision)


def _output_of(decision: Decision) -> dict[str, Any]:
    return decision.output if isinstance(decision.output, dict) else {"decision": decision.value}


def _requester(fields: _Fields) -> str:
    text = fields.line("requester", LONGEST_NAME)
    if "@" not in text:
        return text
    return _address(text, fields.at("requester"), "requester")


def _approvers(fields: _Fields) -> Iterable[Approver]:
    given = fields.get("approvers", [])
    given = [given] if isinstance(given, str) else given
    if not isinstance(given, list) or len(given) > MOST_APPROVERS:
        came = f"{len(given)} of them" if isinstance(given, list) else _shown(given)
        raise fields.refuse("approvers", f"must be a list of at most {MOST_APPROVERS} addresses and groups, not {came}")
    if not given and "approvers" in fields:
        raise fields.refuse("approvers", "must name somebody; leave it out to let everybody answer who has the link")
    return dict.fromkeys(_approver(text, f"{fields.at('approvers')}/{index}") for index, text in enumerate(given))


def _approver(text: Any, pointer: str) -> Approver:
    if not isinstance(text, str):
        raise _wrong(
            pointer, "approvers", "invalid-approver", f"must be mail addresses and group:<name>, not {_shown(text)}"
        )
    if not text.startswith(GROUP_MARK):
        return Approver(ADDRESS, _address(text, pointer, "approvers"))
    if not is_slug(text.removeprefix(GROUP_MARK)):
        rule = "names a group by small letters, digits and hyphens, as in group:editors"
        raise _wrong(pointer, "approvers", "invalid-approver", f"{rule}, not {_shown(text)}")
    return Approver(GROUP, text.removeprefix(GROUP_MARK))


def _approver_in(text: str) -> Approver:
    is_group = text.startswith(GROUP_MARK)
    return Approver(GROUP, text.removeprefix(GROUP_MARK)) if is_group else Approver(ADDRESS, text)


def _address(text: str, pointer: str, name: str) -> str:
    try:
        return address_of(text)
    except BadAddress as error:
        sentence = f"must be a mail address such as ben@example.com, not {_shown(text)}: {error}"
        raise _wrong(pointer, name, "invalid-email", sentence) from error


def _on_timeout(fields: _Fields, name: str) -> OnTimeout:
    on_timeout = fields.within(name, OnTimeout)
    return OnTimeout(on_timeout.object("output"))


def _step(fields: _Fields, name: str) -> Step:
    step = fields.within(name, Step)
    index, of = step.number("index"), step.number("of") if step.get("of") is not None else None
    if of is not None and index > of:
        raise step.refuse("index", f"must not be beyond of, which is {of}, and is {index}")
    return Step(index, of, step.line("title", LONGEST_NAME))


def _url(fields: _Fields, name: str) -> str:
    text = fields.line(name, LONGEST_URL)
    try:
        parts = urlsplit(text)
        host, has_user = parts.hostname, "@" in parts.netloc
        is_good = parts.scheme in {"http", "https"} and bool(host)
    except ValueError:
        is_good, host, has_user = False, None, False
    if is_good and has_user:
        sentence = f"must have no user name before its host: {_shown(text)} leads to {host}"
        raise fields.refuse(name, sentence, "invalid-url")
    if not is_good or " " in text or "\\" in text:
        raise fields.refuse(
            name, f"must be an address that starts with https:// or http://, not {_shown(text)}", "invalid-url"
        )
    return text


def _wrong(pointer: str, name: str, code: str, sentence: str) -> Problem:
    detail = f"{name} {sentence}"
    return Problem(400, code, detail, errors=[{"pointer": pointer, "code": code, "detail": detail}])


def _or(known: Iterable[str]) -> str:
    *others, last = (f'"{each}"' for each in known)
    return f"{', '.join(others)} or {last}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else text[:80] + "…"
