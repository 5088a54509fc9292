"""A token with a request: asked by a program, answered through any door, by default at its deadline."""

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from sqlalchemy import select

from app.database import Prepared, Unit
from app.database.tables import table_of
from app.events import of_subject
from app.people import groups
from app.requests.models import RequestApproverRow
from app.tokens import lifecycle
from app.tokens.lifecycle import Answer, Changed, Refused, Rules, Settled, Settlement
from app.tokens.models import By
from tests.makers import TOKENS, UNKNOWN_ID, House, Program, unique
from tests.requests.conftest import SYSTEM, Doors, address, ask, settle

FORM = {"type": "object", "properties": {"amount": {"type": "number", "minimum": 1}}, "required": ["amount"]}
DECISIONS = [
    {"value": "publish", "label": "Publish", "output": {"approved": True}},
    {"value": "reject", "output": {"approved": False}, "require": ["comment"], "form": False},
]


def test_the_answer_of_a_create_says_where_people_answer(house: House, ada: Program) -> None:
    """A secret address where everybody may who has it; a plain one where it must be known who answers."""
    open_to_all = ada.create(request={"title": "Publish?"}).json()
    asked = ada.create(request={"approvers": ["ben@example.com"]}).json()
    plain = ada.create().json()

    assert open_to_all["approvalUrl"].startswith(f"{house.url}/approve/{open_to_all['id']}?link=ey")
    assert asked["approvalUrl"] == f"{house.url}/approve/{asked['id']}"
    assert "approvalUrl" not in plain


def test_the_same_key_gives_the_same_question(ada: Program) -> None:
    """Cached: the address again, and what differs is named."""
    key = unique("key-")
    first = ada.create(idempotencyKey=key, request={"title": "Publish?"})

    again = ada.create(idempotencyKey=key, request={"title": "Publish?"})
    without = ada.create(idempotencyKey=key)
    other = ada.create(idempotencyKey=key, request={"title": "Delete?"})

    assert again.json()["isCached"]
    assert again.json()["approvalUrl"].partition("?")[0] == first.json()["approvalUrl"].partition("?")[0]
    assert "x-waitpoint-warning" not in again.headers
    assert "request" in without.headers["x-waitpoint-warning"]
    assert "request" in other.headers["x-waitpoint-warning"]


def test_people_are_given_a_week(ada: Program) -> None:
    """Ten minutes are for programs."""
    shown = ada.show(ask(ada))

    assert shown["timeoutAt"][:10] > shown["createdAt"][:10]
    assert 6.9 < (_seconds(shown["timeoutAt"]) - _seconds(shown["createdAt"])) / 86_400 < 7.1


def _seconds(text: str) -> float:
    from datetime import datetime  # noqa: PLC0415

    return datetime.fromisoformat(text).timestamp()


def test_a_program_reads_what_was_asked(ada: Program) -> None:
    """Beside the token, as it was written; a list does not carry it."""
    request = {"title": "Publish?", "form": FORM, "decisions": DECISIONS}
    token = ask(ada, **request)

    shown = ada.show(token)
    listed = next(each for each in ada.find(size=5).json()["data"] if each["id"] == token.id)

    assert (request, 1) == (shown["request"], shown["requestVersion"])
    assert "request" not in listed
    assert "request" not in ada.show(ada.make_token())


def test_a_mistake_makes_no_token(ada: Program) -> None:
    """One sentence, and where."""
    answer = ada.create(tags=[unique()], request={"titel": "Publish?"})

    assert 400 == answer.status_code
    assert "titel is not a field of a request" in answer.json()["detail"]
    assert "/request/titel" == answer.json()["errors"][0]["pointer"]


def test_a_group_must_exist(ada: Program) -> None:
    """A misspelt group could never answer."""
    answer = ada.create(request={"approvers": ["ben@example.com", "group:nobody-is-here"]})

    assert 422 == answer.status_code
    assert "unknown-group" == answer.json()["code"]
    assert "/request/approvers/1" == answer.json()["errors"][0]["pointer"]


def test_a_default_answer_needs_a_deadline(ada: Program) -> None:
    answer = ada.create(timeout=None, request={"onTimeout": {"output": {"approved": False}}})

    assert 400 == answer.status_code
    assert "/request/onTimeout" == answer.json()["errors"][0]["pointer"]


class TestAnswers:
    """One check at every door; a bad answer leaves the token waiting."""

    @pytest.mark.parametrize("door", ["key", "other_key", "public_access_token", "callback"])
    def test_a_bad_answer_is_refused_and_a_good_one_taken(self, ada: Program, doors: Doors, door: str) -> None:
        token = ask(ada, form=FORM, decisions=DECISIONS)
        answer = getattr(doors, door)

        assert 422 == answer(token, {"approved": True, "amount": 0})
        assert "WAITING" == ada.show(token)["status"]
        assert 200 == answer(token, {"approved": True, "amount": 2})

        shown = ada.show(token)
        assert "COMPLETED" == shown["status"]
        assert {"approved": True, "amount": 2} == json.loads(shown["output"])

    def test_each_field_has_its_pointer(self, ada: Program) -> None:
        """Relative to the body that was sent."""
        token = ask(ada, form=FORM)

        completed = ada.complete(token, {"amount": 0}).json()
        posted = ada.post(token.callback, json={"amount": 0}).json()

        assert ["/data/amount"] == [error["pointer"] for error in completed["errors"]]
        assert ["/amount"] == [error["pointer"] for error in posted["errors"]]
        assert "invalid-answer" == completed["code"]
        assert "The answer is not one that was asked for. " in completed["detail"]

    def test_a_key_that_the_form_does_not_know_is_refused_where_the_form_says_so(self, ada: Program) -> None:
        """JSON Schema lets an answer have more than what is asked for, and programs may rely on it."""
        open_form: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "integer"}}}
        closed = ask(ada, form=open_form | {"additionalProperties": False})

        refused = ada.complete(closed, {"zzz": 1})

        assert 422 == refused.status_code
        assert [("/data/zzz", "zzz is not a field of this form.")] == [
            (error["pointer"], error["detail"]) for error in refused.json()["errors"]
        ]
        assert 200 == ada.complete(ask(ada, form=open_form), {"zzz": 1}).status_code

    def test_the_bytes_that_came_are_the_output(self, ada: Program) -> None:
        """Checked, and not rewritten."""
        token = ask(ada)

        ada.post(f"{token.path}/complete", content=b'{"data": { "approved":true , "comment":"\\u00fc" } }')

        assert '{ "approved":true , "comment":"\\u00fc" }' == ada.show(token)["output"]

    def test_no_data_is_no_answer(self, ada: Program) -> None:
        token = ask(ada)

        assert 422 == ada.complete(token).status_code
        assert 422 == ada.post(token.callback, content=b"").status_code

    def test_the_second_answer_changes_nothing_however_bad_it_is(self, ada: Program) -> None:
        """The first stands, and whoever is late is told so before anything else."""
        token = ask(ada)
        ada.complete(token, {"approved": True})

        late = ada.complete(token, "nonsense")

        assert (200, True) == (late.status_code, late.json()["alreadyCompleted"])

    def test_a_repeated_request_is_answered_as_the_first(self, ada: Program) -> None:
        """A retry after a lost answer."""
        token, headers = ask(ada), {"x-trigger-request-idempotency-key": unique()}

        answers = [ada.complete(token, {"approved": True}, headers=headers).json() for _ in range(2)]

        assert [{"success": True}] * 2 == answers

    def test_the_timeline_tells_the_decision(self, house: House, ada: Program) -> None:
        """And which fields differ from what was proposed."""
        token = ask(ada, form=FORM, proposed={"amount": 5}, decisions=DECISIONS)

        ada.complete(token, {"approved": True, "amount": 7})

        event = house.read(of_subject, token.id)[-1]
        assert ("publish", "Publish", ["/amount"]) == (
            event.data["decision"],
            event.data["label"],
            event.data["edited"],
        )

    def test_a_withdrawn_question_needs_no_answer(self, ada: Program) -> None:
        token = ask(ada, form=FORM)

        assert 200 == ada.cancel(token, "Not needed any more.").status_code
        assert "Not needed any more." == ada.show(token)["cancelReason"]

    def test_another_environments_request_is_not_there(self, ada: Program, cleo: Program) -> None:
        token = ask(ada)

        assert 404 == cleo.complete(token, {"approved": True}).status_code
        assert 404 == cleo.ask("PATCH", f"{token.path}/request", json={}).status_code


class TestDefaultAnswer:
    """What is taken when nobody answers: a real output, and marked as such."""

    DEFAULT: ClassVar = {"approved": False, "comment": "Nobody answered in time."}

    def test_the_deadline_takes_it(self, house: House, ada: Program) -> None:
        token = ada.make_token(timeout="1m", tags=["default"], request={"onTimeout": {"output": self.DEFAULT}})

        house.time_passes(minutes=2)

        shown = ada.show(token)
        assert ("COMPLETED", "default", False) == (shown["status"], shown["answeredBy"], shown["outputIsError"])
        assert self.DEFAULT == json.loads(shown["output"])
        assert shown["completedAt"] == shown["timeoutAt"]
        event = house.read(of_subject, token.id)[-1]
        assert ("token.completed", True) == (event.kind, event.data["default"])

    def test_it_reads_so_before_the_sweeper_has_come_by(self, house: House, ada: Program) -> None:
        """Also in lists, by every filter; and it stays so."""
        tag = unique("tag-")
        key = unique("key-")
        options: dict[str, Any] = {"timeout": "1m", "tags": [tag], "idempotencyKey": key}
        token = ada.make_token(**options, request={"onTimeout": {"output": self.DEFAULT}})
        house.clock.move(minutes=2)

        before = ada.show(token)
        assert ("COMPLETED", "default") == (before["status"], before["answeredBy"])
        assert [token.id] == ada.find_ids(tags=tag, status="COMPLETED")
        assert [token.id] == ada.find_ids(key=key, status="COMPLETED")
        assert [] == ada.find_ids(tags=tag, status="TIMED_OUT")
        assert [] == ada.find_ids(key=key, status="TIMED_OUT")
        assert [] == ada.find_ids(tags=tag, status="WAITING")
        assert ada.complete(token, {"approved": True}).json()["alreadyCompleted"]

        house.sweep()

        assert before == ada.show(token)
        assert [token.id] == ada.find_ids(tags=tag, status="COMPLETED")

    def test_without_one_it_times_out(self, house: House, ada: Program) -> None:
        token = ada.make_token(timeout="1m", request={})

        house.time_passes(minutes=2)

        shown = ada.show(token)
        assert ("TIMED_OUT", True) == (shown["status"], shown["outputIsError"])
        assert "answeredBy" not in shown


class TestAmending:
    """Who asked may ask differently while it waits; nobody answers what they did not see."""

    def amend(self, program: Program, token: Any, headers: dict[str, str] | None = None, **changes: Any) -> Any:
        return program.ask("PATCH", f"{token.path}/request", json=changes, headers=headers)

    def test_what_is_given_replaces_and_null_takes_away(self, house: House, ada: Program) -> None:
        token = ask(ada, title="Publish?", body="Soon.", approvers=["ben@example.com"])

        answer = self.amend(ada, token, title="Publish now?", body=None)

        assert 200 == answer.status_code
        shown = ada.show(token)
        assert {"title": "Publish now?", "approvers": ["ben@example.com"]} == shown["request"]
        assert shown == answer.json()
        assert 2 == shown["requestVersion"]
        event = house.read(of_subject, token.id)[-1]
        assert ("request.amended", 2) == (event.kind, event.data["version"])

    def test_nothing_new_is_no_new_version(self, ada: Program) -> None:
        token = ask(ada, title="Publish?")

        assert 1 == self.amend(ada, token, title="Publish?").json()["requestVersion"]

    def test_a_stale_answer_is_refused(self, ada: Program) -> None:
        """Only where the caller says which version it is about; and the token keeps waiting."""
        token = ask(ada, title="Publish?")
        self.amend(ada, token, title="Delete?")
        stale, fresh = ({"x-waitpoint-request-version": version} for version in ("1", "2"))

        refused = ada.complete(token, {"approved": True}, headers=stale)

        assert (409, "request-changed", 2) == (
            refused.status_code,
            refused.json()["code"],
            refused.json()["requestVersion"],
        )
        assert "WAITING" == ada.show(token)["status"]
        assert 200 == ada.complete(token, {"approved": True}, headers=fresh).status_code

    def test_a_stale_amendment_is_refused(self, ada: Program) -> None:
        token = ask(ada, title="Publish?")
        self.amend(ada, token, title="Delete?")

        assert 409 == self.amend(ada, token, {"x-waitpoint-request-version": "1"}, title="Keep?").status_code
        assert 400 == self.amend(ada, token, {"x-waitpoint-request-version": "one"}, title="Keep?").status_code
        assert "Delete?" == ada.show(token)["request"]["title"]

    def test_an_answer_is_checked_against_what_is_asked_now(self, ada: Program) -> None:
        token = ask(ada)
        self.amend(ada, token, form=FORM)

        assert 422 == ada.complete(token, {"approved": True}).status_code
        assert 200 == ada.complete(token, {"amount": 1}).status_code

    def test_the_default_answer_is_amended_too(self, house: House, ada: Program) -> None:
        token = ada.make_token(timeout="1m", request={"onTimeout": {"output": {"approved": False}}})
        self.amend(ada, token, onTimeout={"output": {"approved": True}})

        house.time_passes(minutes=2)

        assert {"approved": True} == json.loads(ada.show(token)["output"])

    def test_who_is_asked_is_amended_too(self, house: House, ada: Program, doors: Doors) -> None:
        ben, cora = address("ben"), address("cora")
        token = ask(ada, approvers=[ben])
        self.amend(ada, token, approvers=[cora])

        assert [("address", cora, "WAITING")] == _asked(house, token.id)
        assert 403 == doors.link_of(ben)(token, {"approved": True})
        assert 200 == doors.link_of(cora)(token, {"approved": True})
        assert [("address", cora, "COMPLETED")] == _asked(house, token.id)

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"titel": "x"}, 400),
            ({"title": " "}, 400),
            ({"approvers": ["group:nobody-is-here"]}, 422),
            ({"onTimeout": {"output": {}}}, 400),
        ],
    )
    def test_a_mistake_changes_nothing(self, ada: Program, changes: dict[str, Any], status: int) -> None:
        token = ask(ada, title="Publish?")

        assert status == self.amend(ada, token, **changes).status_code
        assert ({"title": "Publish?"}, 1) == (ada.show(token)["request"], ada.show(token)["requestVersion"])

    def test_the_rest_is_amended_when_a_group_is_gone(
        self, house: House, ada: Program, make_group: Callable[..., str]
    ) -> None:
        """It was there when it was asked; another that is not there is refused all the same."""
        slug, ben = make_group(address("mia")), address("ben")
        token = ask(ada, approvers=[ben, f"group:{slug}"])
        house.write(groups.remove, slug, SYSTEM)

        assert 200 == self.amend(ada, token, title="Really?").status_code
        assert 422 == self.amend(ada, token, approvers=[ben, "group:nobody-is-here"]).status_code

    def test_what_is_settled_or_asks_nobody_cannot_be_amended(self, ada: Program, nobody: Program) -> None:
        settled, plain = ask(ada), ada.make_token()
        ada.complete(settled, {"approved": True})

        assert 409 == self.amend(ada, settled, title="x").status_code
        assert 422 == self.amend(ada, plain, title="x").status_code
        assert 404 == ada.ask("PATCH", f"{TOKENS}/{UNKNOWN_ID}/request", json={}).status_code
        assert 401 == self.amend(nobody, plain, title="x").status_code

    def test_a_default_answer_needs_a_deadline(self, ada: Program) -> None:
        token = ada.make_token(timeout=None, request={})

        assert 400 == self.amend(ada, token, onTimeout={"output": {"approved": True}}).status_code

    def test_a_page_that_saw_another_version_is_told(self, house: House, ada: Program) -> None:
        """As pages ask: with the version that the person had before them."""
        token = ask(ada)
        self.amend(ada, token, title="Delete?")
        by = By(kind="public_access_token", door="approval")

        stale = settle(house, token.id, ada.environment_id, {"approved": True}, by, seen_version=1)

        assert Changed(2) == stale


def _asked(house: House, token_id: str) -> list[tuple[str, str, str]]:
    rows = table_of(RequestApproverRow)
    statement = select(rows.c.kind, rows.c.value, rows.c.status).where(rows.c.token_id == token_id)
    return [tuple(row) for row in house.read(lambda db: db.execute(statement).all())]


def test_a_plain_token_is_settled_by_one_statement(house: House, ada: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests cost those who ask nobody nothing."""
    token = ada.make_token()
    by, answer = By(kind="api_key", door="rest"), Answer(output="1")
    run: list[Prepared] = []

    def settled(db: Unit) -> Settlement:
        carry_out = db.run

        def counted(statement: Prepared, values: Mapping[str, Any], **options: Any) -> list[tuple[Any, ...]]:
            run.append(statement)
            return carry_out(statement, values, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(db, "run", counted)
            return lifecycle.settle(db, token.id, ada.environment_id, answer, by, Rules(may_answer=(_never,)))

    assert isinstance(house.write(settled), Settled)
    assert 1 == len(run)


def _never(*_: object) -> Refused:
    return Refused("never", "Nobody may.")
