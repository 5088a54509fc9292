"""Ben is asked for his papers: the wrong file is told at its field, the right one stays with what he typed, and Ada opens it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.cast import AdasProgram
from e2e.looking import look_over

FORM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 1},
        "papers": {
            "type": "object",
            "format": "file",
            "title": "Papers",
            "properties": {"type": {"enum": ["application/pdf"]}, "size": {"maximum": 300_000}},
        },
    },
    "required": ["name", "papers"],
}
PDF = b"%PDF-1.7 \x00\xff" + bytes(200_000)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_file_goes_along_with_an_answer(
    new_context: Callable[..., BrowserContext], desk: Page, program: AdasProgram, tmp_path: Path, scripts: bool
) -> None:
    picture, papers = tmp_path / "ben.png", tmp_path / "Ben's papers.pdf"
    picture.write_bytes(b"\x89PNG")
    papers.write_bytes(PDF)
    token = program.ask(request={"title": "Your papers?", "form": FORM})
    page = new_context(java_script_enabled=scripts).new_page()
    page.goto(token.link)

    page.get_by_label("Name").fill("Ben")
    page.get_by_label("Papers").set_input_files(picture)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert").get_by_role("link", name="Papers")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Ben")

    page.get_by_label("Name").fill("")
    page.get_by_label("Papers").set_input_files(papers)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Ben's papers.pdf")).to_be_visible()
    if scripts:
        look_over(page)
    page.get_by_label("Name").fill("Ben")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Answered: Send")).to_be_visible()

    with page.expect_download() as own:
        page.get_by_role("link", name="Ben's papers.pdf").click()
    assert PDF == Path(own.value.path()).read_bytes()

    kept = json.loads(program.look(token)["output"])["papers"]
    assert ("Ben's papers.pdf", "application/pdf", len(PDF)) == (kept["name"], kept["type"], kept["size"])
    desk.goto(f"/tokens/{token.id}")
    with desk.expect_download() as download:
        desk.get_by_role("region", name="The answer").get_by_role("link", name="Ben's papers.pdf").click()
    assert PDF == Path(download.value.path()).read_bytes()
