"""Requests as tokens see them (`tokens.questions.Questions`): read, checked and shown, outside the writer."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from ..database import Database
from ..files import lifecycle as files
from ..links.addresses import ways_of
from ..service import Service
from ..tokens.lifecycle import Answer, NewToken
from ..tokens.models import Token
from ..tokens.questions import Ways
from ..web import strict_json
from ..web.problems import Problem, not_found
from . import lifecycle, reading
from .answers import check
from .forms import FieldError
from .forms.labels import label_at
from .forms.references import path_of
from .lifecycle import NewRequest, asked_in
from .reading import Request
from .spec import Spec

UNKNOWN_FILE = "unknown-file"
MOST_ERRORS_TOLD = 3  # in the one sentence; all of them are listed beside it


class Requests:
    """The requests of a server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, value: object) -> NewRequest:
        return asked_in(value)

    async def admit(self, new: NewToken) -> None:
        if isinstance(new.request, NewRequest):
            await self.refuse_unknown_groups(new.request.spec, "/request")

    async def check(self, token_id: str, answer: Answer, within: str) -> Answer:
        request = await self.find(token_id)
        if request is None:
            raise not_found()
        value = _value_of(answer)
        found = check(request.spec, value)
        if isinstance(found, list):
            raise not_an_answer(found, within)
        strange = await self.strange_files(token_id, value, request.spec)
        if strange:
            raise not_an_answer(strange, within)
        notes: dict[str, object] = {"decision": found.choice.value, "label": found.choice.label}
        if request.version > 1:
            notes["version"] = request.version
        if found.edits:
            notes["edited"] = [edit.pointer for edit in found.edits]
        return msgspec.structs.replace(answer, checked_version=request.version, notes=notes)

    async def differs(self, token: Token, new: NewToken) -> bool:
        request = await self.find(token.id)
        return request is not None and isinstance(new.request, NewRequest) and new.request.spec != request.spec

    async def strange_files(self, token_id: str, value: object, spec: Spec) -> list[FieldError]:
        """The files that an answer names, and that were not sent for this token as it says."""
        named = list(files.named_in(value))
        if not named:
            return []
        here = await self._database.read(files.of_token, token_id)
        return [
            FieldError(
                pointer,
                UNKNOWN_FILE,
                f"{label_at(spec.form or {}, path_of(value, pointer))} must be a file that was sent for this token.",
            )
            for pointer, file in named
            if file["id"] not in here or msgspec.to_builtins(here[file["id"]]) != file
        ]

    async def titles(self, token_ids: Sequence[str]) -> dict[str, str]:
        return await self._database.read(reading.titles, token_ids)

    async def is_open(self, token: Token) -> bool:
        request = await self.find(token.id)
        return request is None or request.spec.is_open

    async def ways(self, service: Service, token: Token) -> Ways | None:
        return await ways_of(service, token) if token.has_request else None

    async def shown(self, token: Token) -> dict[str, Any]:
        request = await self.find(token.id)
        return {} if request is None else shown(request)

    async def find(self, token_id: str) -> Request | None:
        """The request of a token as it stands."""
        return await self._database.read(reading.find, token_id)

    async def refuse_unknown_groups(self, spec: Spec, pointer: str, asked_before: Collection[str] = ()) -> None:
        """A group that does not exist can never answer; one that was asked before may be gone. Raises a 422 Problem."""
        if not any(":" in approver for approver in spec.approvers):
            return
        unknown = [
            slug
            for slug in await self._database.read(lifecycle.unknown_groups, spec)
            if f"group:{slug}" not in asked_before
        ]
        if unknown:
            place = f"{pointer}/approvers/{spec.approvers.index(f'group:{unknown[0]}')}"
            detail = f"approvers names the group {unknown[0]!r}, and there is no such group here."
            error = {"pointer": place, "code": "unknown-group", "detail": detail}
            raise Problem(422, "unknown-group", detail, errors=[error])


def shown(request: Request) -> dict[str, Any]:
    """The request for a program, beside its token."""
    return {"request": msgspec.to_builtins(request.spec), "request_version": request.version}


def not_an_answer(errors: list[FieldError], within: str) -> Problem:
    """A 422 with a pointer to each field."""
    told = " ".join(error.detail for error in errors[:MOST_ERRORS_TOLD])
    more = f" And {len(errors) - MOST_ERRORS_TOLD} more." if len(errors) > MOST_ERRORS_TOLD else ""
    listed = [{"pointer": within + error.pointer, "code": error.code, "detail": error.detail} for error in errors]
    return Problem(422, "invalid-answer", f"The answer is not one that was asked for. {told}{more}", errors=listed)


def _value_of(answer: Answer) -> Any:
    """The output as a value; the door has read it once as strictly."""
    return None if answer.output is None else strict_json.parse(answer.output.encode())
