"""`waitpoint` as typed: for people, for scripts, and when things go wrong."""

import importlib.util
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

from tests.cast import ADAS_KEY
from tests.sdk.sockets import http_server
from tests.sdk.stand_in import StandIn
from tests.servers import WAITPOINT, free_port
from waitpoint import _cli
from waitpoint import _conversations as conversations


@pytest.fixture(autouse=True)
def adas_shell(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ada's settings, and a server that answers."""
    monkeypatch.setattr(conversations, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("COLUMNS", "200")
    with http_server(stand_in) as url:
        monkeypatch.setenv("WAITPOINT_URL", url)
        monkeypatch.setenv("WAITPOINT_SECRET_KEY", ADAS_KEY)
        yield


class Typed:
    """What a command printed, and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, *words: str) -> int:
        code = _cli.main(words)
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def types(capsys: pytest.CaptureFixture[str]) -> Typed:
    """`types("tokens", "list")` is what Ada types."""
    return Typed(capsys)


def test_a_token_from_create_to_show(types: Typed) -> None:
    """In words, for people."""
    assert 0 == types("tokens", "create", "--tag", "one", "--tag", "two", "--timeout", "1h")
    assert "waitpoint_000" in types.out
    assert "callback/hash" in types.out

    assert 0 == types("tokens", "list")
    assert ["waitpoint_000", "waiting", "2026-11-22", "09:00", "2026-11-22", "09:10", "one,", "two"] == (
        types.out.splitlines()[1].split()
    )

    assert 0 == types("tokens", "complete", "waitpoint_000", "--data", '{"approved": true}')
    assert types.out == "Completed.\n"

    assert 0 == types("tokens", "show", "waitpoint_000")
    assert '"approved": true' in types.out
    assert "completed" in types.out


def test_the_same_for_scripts(types: Typed) -> None:
    """One JSON document a line; the output is JSON inside it."""
    types("tokens", "create", "--json")
    created = json.loads(types.out)
    types("tokens", "complete", created["id"], "--data", "[1, 2]", "--json")
    assert {"success": True} == json.loads(types.out)
    types("tokens", "create", "--json")

    types("tokens", "list", "--json")

    assert ["waitpoint_001", "waitpoint_000"] == [json.loads(line)["id"] for line in types.out.splitlines()]
    types("tokens", "show", created["id"], "--json")
    assert [1, 2] == json.loads(types.out)["output"]


def test_options_reach_the_server(types: Typed, stand_in: StandIn) -> None:
    """And what was not typed does not."""
    types("tokens", "create")
    assert {} == stand_in.last_body

    types("tokens", "create", "--timeout", "never", "--idempotency-key", "k", "--idempotency-key-ttl", "2h")
    assert {"timeout": None, "idempotencyKey": "k", "idempotencyKeyTTL": "2h"} == stand_in.last_body

    types("tokens", "list", "--status", "waiting", "--tag", "a", "--tag", "b", "--period", "1h", "--limit", "5")
    query = {"filter[status]": "WAITING", "filter[tags]": "a,b", "filter[createdAt][period]": "1h", "page[size]": "5"}
    assert query == dict(stand_in.last.url.params)


def test_a_limit_is_a_limit(types: Typed) -> None:
    """And 0 is none."""
    for _ in range(30):
        types("tokens", "create")

    types("tokens", "list", "--json", "--limit", "3")
    assert 3 == len(types.out.splitlines())
    types("tokens", "list", "--json")
    assert 25 == len(types.out.splitlines())
    types("tokens", "list", "--json", "--limit", "0")
    assert 30 == len(types.out.splitlines())


def test_the_output_may_come_from_the_standard_input(types: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is too long to type."""
    types("tokens", "create")
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"long": "text"}'))

    assert 0 == types("tokens", "complete", "waitpoint_000", "--data", "-")

    types("tokens", "show", "waitpoint_000", "--json")
    assert {"long": "text"} == json.loads(types.out)["output"]


def test_watch_ends_with_the_token(types: Typed, stand_in: StandIn) -> None:
    """0 when it was completed, 1 when nobody answered."""
    types("tokens", "create")
    types("tokens", "complete", "waitpoint_000", "--data", "1")
    assert 0 == types("tokens", "watch", "waitpoint_000")

    types("tokens", "create")
    types("tokens", "cancel", "waitpoint_001", "--reason", "no need")
    assert 1 == types("tokens", "watch", "waitpoint_001", "--json")
    assert "no need" in json.loads(types.out)["error"]

    types("tokens", "create")
    assert 1 == types("tokens", "watch", "waitpoint_002", "--wait", "0")
    assert "goes on waiting" in types.err


def test_coming_late_is_said(types: Typed) -> None:
    """It fails only for who asks for that."""
    types("tokens", "create")
    types("tokens", "complete", "waitpoint_000")

    assert 0 == types("tokens", "complete", "waitpoint_000")
    assert "Nothing changed: the token was completed already at 2026-11-22 09:01:00 UTC." in types.out
    assert 1 == types("tokens", "complete", "waitpoint_000", "--if-waiting")


def test_what_others_wrote_does_not_steer_the_terminal(types: Typed, stand_in: StandIn) -> None:
    """A tag is shown, not obeyed."""
    types("tokens", "create", "--tag", "\x1b[2J\x07evil")

    types("tokens", "list")

    assert "\\x1b[2J\\x07evil" in types.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tokens", "show", "waitpoint_999"], 1, "not found"),
        (["tokens", "show", "run_1"], 2, "not the id of a token"),
        (["tokens", "show"], 2, "required: id"),
        (["tokens"], 2, "required: COMMAND"),
        (["tokens", "list", "--status", "LOST"], 2, "invalid choice"),
        (["tokens", "list", "--limit", "-1"], 2, "not a number"),
        (["tokens", "complete", "waitpoint_999", "--data", "yes"], 2, "A text needs quotes"),
        (["tokens", "complete", "waitpoint_999", "--data", "NaN"], 2, "JSON has no such number"),
        (["tokens", "list", "--url", "nowhere"], 2, "WAITPOINT_URL"),
        (["tokens", "list", "--url", f"http://127.0.0.1:{free_port()}"], 3, "cannot be reached"),
        (["tokns"], 2, "there is no command 'tokns'"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_a_code(types: Typed, words: list[str], code: int, said: str) -> None:
    """1 refused, 2 not understood, 3 not reached; never a traceback."""
    assert code == types(*words)

    assert said in types.err
    assert "Traceback" not in types.err


def test_a_wrong_key_is_refused(types: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a mistake in what was typed: 1."""
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", "tr_dev_sk_wrong")
    assert 1 == types("tokens", "list")

    monkeypatch.delenv("WAITPOINT_SECRET_KEY")
    assert 1 == types("tokens", "list")
    assert "Set WAITPOINT_SECRET_KEY" in types.err


def test_a_page_instead_of_an_answer_is_said_to_be_one(types: Typed, stand_in: StandIn) -> None:
    """Tried several times, as a proxy may come to its senses."""
    stand_in.next_answers = [httpx.Response(200, html="<html>hello</html>")] * 5

    assert 3 == types("tokens", "list")
    assert "answered HTML, is the URL right?" in types.err


def test_help_lists_every_command_of_the_server_with_its_sentence(types: Typed) -> None:
    """The list is kept here, so that help needs no server; names and sentences are the server's own."""
    from app.cli import COMMANDS  # noqa: PLC0415 (only here)

    assert 0 == types("--help")

    assert COMMANDS == _cli.SERVER_COMMANDS
    for name, sentence in {"tokens": "", **COMMANDS}.items():
        assert f"  {name} " in types.out
        assert sentence in types.out


def test_help_imports_no_server() -> None:
    """It comes at once."""
    program = "import sys; from waitpoint import _cli; _cli.main(['--help']); print(*sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not {"litestar", "sqlalchemy", "httpx"} & set(done.stdout.split())


def test_without_the_server_its_commands_are_listed_and_refused(types: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one sentence that says how to get it."""
    monkeypatch.setattr(_cli, "_server", lambda: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert 0 == types("--help")
    assert "serve" in types.out
    assert "pip install 'waitpoint[server]'" in types.out
    assert 2 == types("serve")
    assert "waitpoint serve: The server is not installed" in types.err
    assert 2 == types("nonsense")


def test_somebody_elses_app_is_not_our_server() -> None:
    """Many projects have a package of this name."""
    assert not _cli._is_ours(["/somewhere/else/app"])
    assert _cli._is_ours([str(Path(_cli.__file__).parents[1] / "app")])


def test_the_version_is_the_packages() -> None:
    """From the installed metadata, as typed in a shell."""
    printed = subprocess.run([WAITPOINT, "--version"], capture_output=True, text=True, check=True)

    assert printed.stdout == f"waitpoint {version('waitpoint')}\n"


def test_a_reader_that_leaves_early_is_no_error(stand_in: StandIn) -> None:
    """`waitpoint tokens list | head -1`."""
    script = f"{WAITPOINT} --help | true; exit ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


def test_a_question_comes_from_a_file(types: Typed, stand_in: StandIn, tmp_path: Path) -> None:
    """Or from the standard input; what is no question is named."""
    question, list_, broken = (tmp_path / name for name in ("question.json", "list.json", "broken.json"))
    question.write_text('{"title": "Publish?"}')
    list_.write_text("[]")
    broken.write_text("{")

    assert 0 == types("tokens", "create", "--request", str(question))
    assert {"request": {"title": "Publish?"}} == stand_in.last_body

    for name, sentence in (
        (list_, "holds no JSON object"),
        (broken, "is not JSON"),
        (tmp_path / "x", "cannot be read"),
    ):
        assert 0 != types("tokens", "create", "--request", str(name))
        assert sentence in types.err
