"""Types flow through: what is expected of an output is what a type checker sees."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
from dataclasses import dataclass
from datetime import timedelta

from pydantic import BaseModel

from waitpoint import AsyncWaitpoint, Waitpoint, wait


@dataclass
class Approval:
    approved: bool


class Model(BaseModel):
    approved: bool


async def program(client: AsyncWaitpoint) -> None:
    token = await wait.create_token(timeout=timedelta(hours=1), tags=["one"])
    reveal_type(await wait.for_token(token, Approval).unwrap())  # 1
    reveal_type(await wait.for_token(token.id, Model).unwrap())  # 2
    reveal_type(await wait.for_token(token).unwrap())  # 3
    result = await client.tokens.wait(token, Approval)
    reveal_type(result.ok)  # 4
    if result.ok:
        reveal_type(result.output)  # 5
    else:
        reveal_type(result.error)  # 6
    async for found in wait.list_tokens(status="WAITING"):
        reveal_type(found)  # 7


def blocking(client: Waitpoint) -> None:
    reveal_type(client.wait_for_token("waitpoint_1", Approval).unwrap())  # 8
    reveal_type(client.tokens.list().page().tokens)  # 9
    client.tokens.create(timout="1h")  # 10
"""

EXPECTED = {
    1: '"program.Approval"',
    2: '"program.Model"',
    3: '"Any"',
    4: '"bool"',
    5: '"program.Approval"',
    6: '"waitpoint._errors.WaitpointTimeoutError"',
    7: '"waitpoint._values.Token"',
    8: '"program.Approval"',
    9: '"list[waitpoint._values.Token]"',
    10: 'Unexpected keyword argument "timout"',
}


def test_a_type_checker_knows_what_a_wait_gives(tmp_path: Path) -> None:
    """Under `mypy --strict`, as our users may run it."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    root = Path(__file__).parents[2]

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", program],
        cwd=tmp_path,
        env={"MYPYPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )

    said: dict[int, str] = {}
    for line in checked.stdout.splitlines()[:-1]:
        said.setdefault(int(line.split(":")[1]), line)
    lines = PROGRAM.splitlines()
    for number, expected in EXPECTED.items():
        place = next(index for index, text in enumerate(lines, 1) if text.endswith(f"# {number}"))
        assert expected in said.get(place, checked.stdout), lines[place - 1]
    assert len(EXPECTED) == len(said), checked.stdout
