"""Files that come with an answer: taken as they come, named safely, fetched by those who may, swept when nobody needs them."""

import json
import re
from typing import Any

import httpx
import pytest

from app.files import lifecycle
from app.files.models import File
from app.files.uploads import LARGEST, safe_name, safe_type
from tests.makers import House, Program, ada, ben_with, cleo, house, nobody
from tests.pages.conftest import Visitor, ben, desk

__all__ = ["ada", "ben", "cleo", "desk", "house", "nobody"]

CV = {
    "type": "object",
    "format": "file",
    "properties": {"type": {"enum": ["application/pdf"]}, "size": {"maximum": 300_000}},
}
FORM = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "cv": CV},
    "required": ["name", "cv"],
}
PDF = b"%PDF-1.7 \x00\xff" + bytes(270_000)  # more than one piece


def asked(ada: Program) -> Any:
    return ada.make_token(request={"title": "Your papers?", "form": FORM})


def send(
    client: Any, token: Any, name: str = "cv.pdf", body: bytes = PDF, kind: str = "application/pdf"
) -> httpx.Response:
    answer: httpx.Response = client.post(f"{token.path}/files", files={"file": (name, body, kind)})
    return answer


def test_a_file_is_sent_named_in_the_answer_and_fetched(house: House, ada: Program) -> None:
    token = asked(ada)

    file = send(ben_with(house, token), token).json()
    answer = ben_with(house, token).post(f"{token.path}/complete", json={"data": {"name": "Ben", "cv": file}})
    fetched = ada.get(f"{token.path}/files/{file['id']}")

    assert {"id": file["id"], "name": "cv.pdf", "type": "application/pdf", "size": len(PDF)} == file
    assert {"success": True} == answer.json()
    assert PDF == fetched.content
    assert "attachment; filename*=UTF-8''cv.pdf" == fetched.headers["content-disposition"]
    assert "nosniff" == fetched.headers["x-content-type-options"]
    assert "sandbox" in fetched.headers["content-security-policy"]


def test_the_page_of_the_token_leads_to_its_files(house: House, ada: Program, desk: Visitor) -> None:
    """Those that the answer names, and no others."""
    token = asked(ada)
    kept, left = send(ada, token).json(), send(ada, token, "draft.pdf").json()
    ada.complete(token, {"name": "Ben", "cv": kept})

    page = desk.open(f"/tokens/{token.id}")
    fetched = desk.open(f"/tokens/{token.id}/files/{kept['id']}")

    assert f'href="/tokens/{token.id}/files/{kept["id"]}">cv.pdf</a> <span class="soft">(' in page.text
    assert left["id"] not in page.text
    assert PDF == fetched.content


def test_the_outcome_leads_to_its_files(house: House, ada: Program, ben: Visitor) -> None:
    """At the door; on somebody else's page, where no cookie opens it, it is only named."""
    token = asked(ada)
    ben.open(f"/approve/{token.id}?token={token.public_access_token}")
    ada.complete(token, {"name": "Ben", "cv": send(ada, token).json()})

    door = ben.open(f"/approve/{token.id}")
    elsewhere = ben_with(house, token).get(f"{token.path}/form").json()["html"]

    (link,) = re.findall(r'href="([^"]+)">cv\.pdf</a> <span class="soft">\(', door.text)
    assert PDF == ben.open(link).content
    assert "cv.pdf" in elsewhere
    assert "href" not in elsewhere.partition("cv.pdf")[0].rpartition("All that was answered")[2]


def test_only_those_who_may_fetch_a_file(
    house: House, ada: Program, cleo: Program, ben: Visitor, desk: Visitor
) -> None:
    token, other = asked(ada), asked(ada)
    file = send(ada, token).json()
    link = f"/approve/{token.id}?token={token.public_access_token}"
    at_the_desk, at_the_door = f"/tokens/{token.id}/files/{file['id']}", f"/approve/{token.id}/files/{file['id']}"

    closed = [
        house.client.get(f"{token.path}/files/{file['id']}"),
        cleo.get(f"{token.path}/files/{file['id']}"),
        ada.get(f"{other.path}/files/{file['id']}"),
        ben_with(house, other).get(f"{token.path}/files/{file['id']}"),
        ben.open(at_the_desk),
        ben.open(at_the_door),
    ]
    ben.open(link)
    opened = [
        ben.open(at_the_door),
        desk.open(at_the_desk),
        ben_with(house, token).get(f"{token.path}/files/{file['id']}"),
    ]

    assert [401, 404, 404, 403, 401, 401] == [answer.status_code for answer in closed]
    assert [PDF, PDF, PDF] == [answer.content for answer in opened]


def test_who_may_only_write_fetches_nothing_where_certain_people_are_asked(
    house: House, ada: Program, ben: Visitor
) -> None:
    """A public access token names nobody; with one that reads, its program has given it away."""
    token = ada.make_token(request={"form": FORM, "approvers": ["mia@example.com"]})
    file = send(ada, token).json()
    ben.open(f"/approve/{token.id}?token={token.public_access_token}")
    reads = house.program(house.mint(f"read:waitpoints:{token.id}"))

    refused = [
        ben_with(house, token).get(f"{token.path}/files/{file['id']}"),
        ben.open(f"/approve/{token.id}/files/{file['id']}"),
    ]

    assert [403, 403] == [answer.status_code for answer in refused]
    assert PDF == reads.get(f"{token.path}/files/{file['id']}").content


def test_an_answer_names_only_files_of_its_own_token(house: House, ada: Program) -> None:
    token, other = asked(ada), asked(ada)
    mine, foreign = send(ada, token).json(), send(ada, other).json()

    for cv in (
        foreign,
        {**mine, "size": 1},
        {**mine, "name": "x.exe"},
        {**mine, "id": "file_" + "0" * 36},
        {**mine, "id": "x"},
    ):
        answer = ada.post(f"{token.path}/complete", json={"data": {"name": "Ben", "cv": cv}})
        assert 422 == answer.status_code
        assert answer.json()["errors"][0]["pointer"].startswith("/data/cv")

    assert "WAITING" == ada.get(token.path).json()["status"]


def test_a_file_in_a_list_is_named_by_its_row(ada: Program) -> None:
    """As the page names it."""
    row = {"type": "object", "format": "file"}
    form = {"type": "object", "properties": {"docs": {"type": "array", "items": row}, "cv": row | {"title": "Your CV"}}}
    token = ada.make_token(request={"form": form})
    file = {"id": "file_" + "0" * 36, "name": "a.pdf", "type": "application/pdf", "size": 1}

    answer = ada.post(f"{token.path}/complete", json={"data": {"docs": [file], "cv": file}})

    said = [error["detail"] for error in answer.json()["errors"]]
    assert [f"{label} must be a file that was sent for this token." for label in ("Docs 1", "Your CV")] == said


def test_a_name_comes_as_it_was_where_it_came_from(ada: Program) -> None:
    """Browsers write three characters in another way, and no others; what a system could misread is taken out after."""
    token = ada.make_token()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="50%25 %22off%22%0D%0A.pdf"\r\n\r\nx\r\n--x--\r\n'
    )

    file = ada.post(f"{token.path}/files", content=body, headers={"content-type": "multipart/form-data; boundary=x"})

    assert "50%25 _off_.pdf" == file.json()["name"]


def test_an_empty_file_is_none(ada: Program) -> None:
    answer = send(ada, ada.make_token(), body=b"")

    assert (422, "empty-file") == (answer.status_code, answer.json()["code"])


def test_a_form_takes_a_file_without_a_script(house: House, ada: Program, ben: Visitor) -> None:
    """What is wrong elsewhere does not cost the file: it was sent, and is named on the page."""
    token = asked(ada)
    page = ben.open(f"/approve/{token.id}?token={token.public_access_token}")
    assert 'enctype="multipart/form-data"' in page.text

    refused = upload(ben, token, {"/name": ""}, ("my cv.pdf", PDF, "application/pdf"))
    kept = re.search(r'name="/cv" value="([^"]+)"', refused.text)
    assert kept is not None
    done = upload(
        ben, token, {"/name": "Ben", "/cv": kept[1].replace("&#34;", '"')}, ("", b"", "application/octet-stream")
    )

    assert 400 == refused.status_code
    assert "my cv.pdf" in refused.text
    assert "Name must be filled in." in refused.text
    assert 200 == done.status_code
    output = json.loads(ada.get(token.path).json()["output"])
    assert {"name": "my cv.pdf", "size": len(PDF)}.items() <= output["cv"].items()


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (("a.pdf", b"x" * 300_001, "application/pdf"), "Cv must be at most 300 kB."),
        (("a.exe", b"MZ", "application/x-msdownload"), "Cv must be a file of the type application/pdf."),
        (("", b"", "application/octet-stream"), "Cv must be filled in."),
        (("a.pdf", b"", "application/pdf"), "Cv was not taken: The file is empty."),
    ],
)
def test_a_file_that_was_not_asked_for_is_refused_at_its_field(
    ada: Program, ben: Visitor, file: tuple[str, bytes, str], sentence: str
) -> None:
    token = asked(ada)
    ben.open(f"/approve/{token.id}?token={token.public_access_token}")

    page = upload(ben, token, {"/name": "as typed"}, file)

    assert 400 == page.status_code
    assert sentence in page.text
    assert 'value="as typed"' in page.text


def test_a_file_that_is_far_too_large_costs_nothing_else(ada: Program, ben: Visitor) -> None:
    token = asked(ada)
    ben.open(f"/approve/{token.id}?token={token.public_access_token}")

    page = upload(ben, token, {"/name": "as typed"}, ("a.pdf", bytes(LARGEST + 1), "application/pdf"))

    assert 400 == page.status_code
    assert "Cv was not taken: The file is larger than 20 MB." in page.text
    assert 'value="as typed"' in page.text


def test_who_may_not_answer_sends_nothing(house: House, ada: Program, ben: Visitor) -> None:
    token = ada.make_token(request={"form": FORM, "approvers": ["mia@example.com"]})
    ben.open(f"/approve/{token.id}?token={token.public_access_token}")

    answers = [
        send(ben_with(house, token), token),
        upload(ben, token, {"/name": "Ben"}, ("a.pdf", PDF, "application/pdf")),
    ]

    assert {403} == {answer.status_code for answer in answers}
    assert {} == house.read(lifecycle.of_token, token.id)


def test_a_settled_token_takes_no_file(house: House, ada: Program) -> None:
    token = ada.make_token()
    ada.post(f"{token.path}/complete", json={})

    answers = [send(ada, token), send(ada, ada.make_token(), body=bytes(LARGEST + 1))]

    assert [(409, "token-settled"), (413, "file-too-large")] == [(a.status_code, a.json()["code"]) for a in answers]


@pytest.mark.parametrize(
    "body", [b"", b"--x\r\n", b"nonsense", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"]
)
def test_what_no_browser_sends_is_refused(ada: Program, body: bytes) -> None:
    token = ada.make_token()

    answers = [
        ada.post(f"{token.path}/files", content=body, headers={"content-type": "multipart/form-data; boundary=x"}),
        ada.post(f"{token.path}/files", content=body, headers={"content-type": "multipart/form-data"}),
    ]

    assert [(400, "malformed-form")] * 2 == [(answer.status_code, answer.json()["code"]) for answer in answers]


def test_files_stay_as_long_as_their_token_waits(house: House, ada: Program) -> None:
    """Somebody may have put the form aside for a week."""
    token = ada.make_token(timeout="30d", request={"title": "Your papers?", "form": FORM})
    file = send(ada, token).json()

    house.clock.move(days=7)
    house.sweep_files()

    done = ada.post(f"{token.path}/complete", json={"data": {"name": "Ben", "cv": file}})
    assert 200 == done.status_code
    assert PDF == ada.get(f"{token.path}/files/{file['id']}").content


def test_a_file_that_is_gone_is_said_at_its_field(house: House, ada: Program, ben: Visitor) -> None:
    """And the rest of what was typed is there."""
    token = asked(ada)
    file = send(ada, token).json()
    ben.open(f"/approve/{token.id}?token={token.public_access_token}")
    house.write(lifecycle.forget, file["id"])

    page = upload(ben, token, {"/name": "as typed", "/cv": json.dumps(file)}, ("", b"", "application/octet-stream"))

    assert 400 == page.status_code
    assert 'value="as typed"' in page.text
    assert re.search(r'class="error"[^>]*id="[^"]*cv_error"', page.text), page.text
    assert "Cv must be a file that was sent for this token." in page.text
    assert 'name="/cv"' not in page.text


def test_files_that_no_answer_names_are_swept_after_a_day(house: House, ada: Program) -> None:
    token = asked(ada)
    kept, left = send(ada, token).json(), send(ada, token).json()
    ada.post(f"{token.path}/complete", json={"data": {"name": "Ben", "cv": kept}})
    begun = house.write(lifecycle.begin, asked(ada).id, ada.environment_id, "half.pdf", "application/pdf")

    house.clock.move(hours=25)
    swept = house.sweep_files()

    assert PDF == ada.get(f"{token.path}/files/{kept['id']}").content
    assert 404 == ada.get(f"{token.path}/files/{left['id']}").status_code
    assert isinstance(begun, File)
    assert begun.id not in house.read(lifecycle.unwanted, 1_000)
    assert swept >= 2


NAMES = [
    ("cv.pdf", "cv.pdf"),
    ("C:\\Users\\ben\\cv.pdf", "cv.pdf"),
    ("../../etc/passwd", "passwd"),
    ("", "file"),
    ("...", "file"),
    ("a\r\nSet-Cookie: x", "a_Set-Cookie_ x"),
    ("\u202egnp.exe", "_gnp.exe"),
    ("<img src=x>", "_img src=x_"),
    ("Lebenslauf Müller.pdf", "Lebenslauf Müller.pdf"),
    ("x" * 300 + ".pdf", "x" * 130 + ".pdf"),
]


@pytest.mark.parametrize(("given", "kept"), NAMES)
def test_names_are_made_safe(given: str, kept: str) -> None:
    assert kept == safe_name(given)


def test_types_are_types() -> None:
    assert "text/html" == safe_type("Text/HTML; charset=utf-8")
    assert ["application/octet-stream"] * 3 == [safe_type(text) for text in ("", "x", "a/b\r\nx: y")]


def upload(visitor: Visitor, token: Any, fields: dict[str, str], file: tuple[str, bytes, str]) -> httpx.Response:
    """Send the form as a browser does that has a file in it."""
    data = {"version": "1", "decision": "submit", **fields}
    headers = {"Origin": visitor.house.url}
    return visitor.client.post(f"/approve/{token.id}", data=data, files={"/cv:upload": file}, headers=headers)
