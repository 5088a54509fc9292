"""The page about realtime says what the code does."""

import asyncio
import re
from pathlib import Path

import pytest

from app.realtime import conversations, credentials, feeds, lines, messages, open_pages, programs, protocol
from app.realtime.guests import ASK_AGAIN, MOST_LINES
from app.realtime.lines import LONGEST_MESSAGE
from app.realtime.open_pages import PING_EVERY
from app.realtime.subscriptions import MOST_TAGS, MOST_TOKENS
from tests.makers import House, Program
from tests.realtime.listeners import listening

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "realtime.md").read_text()
MODULES = (conversations, credentials, feeds, lines, messages, open_pages, programs, protocol)


def test_every_code_is_told() -> None:
    source = "".join(Path(str(module.__file__)).read_text() for module in MODULES)
    codes = re.findall(r'(?:Error|Refused|_complain)\(\s*"([a-z_-]+)"', source)

    assert 7 < len(codes)
    assert set() == {code for code in codes if f"`{code}`" not in PAGE}


def test_every_kind_is_told_with_its_status() -> None:
    assert list(messages.TOKEN_STATUS.items()) == re.findall(r"^\| `(token\.\w+)` \| `(\w+)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(
    "said",
    [
        f"within {credentials.AUTH_WITHIN:g} seconds",
        f"at most {LONGEST_MESSAGE:,} bytes",
        f"More than {MOST_TOKENS:,} tokens or {MOST_TAGS:,} tags",
        f"More than {MOST_LINES} sockets",
        f"a single byte for {protocol.PATIENCE:g} seconds",
        f"noticed within {ASK_AGAIN:g} seconds",
    ],
)
def test_every_number_is_the_code_s(said: str) -> None:
    assert said in PAGE


def test_a_page_hears_something_before_it_gives_up() -> None:
    assert 2 * PING_EVERY < 25


def test_the_example_works(house: House, newcomer: Program, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(example, "realtime.md", "exec"), names)
    newcomer.make_token()
    token = newcomer.make_token(tags=["refund"])
    newcomer.complete(token)

    async def for_a_while() -> None:
        async with asyncio.timeout(2):
            await names["watch"](house.url.replace("http", "ws", 1), newcomer.credential, since=0)  # type: ignore[operator]

    with pytest.raises(TimeoutError):
        asyncio.run(for_a_while())

    said = [line.split()[1:] for line in capsys.readouterr().out.splitlines()]
    assert [["token.created", token.id], ["token.completed", token.id]] == said
    with listening(house.url, newcomer.credential) as program:
        assert "ready" == program.subscribe()["type"]
