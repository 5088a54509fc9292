"""Types flow through `@task` and `@step`: a type checker knows what may be passed and what comes back."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
from waitpoint import step, task, wait


@step
async def fetch(number: int) -> list[str]: ...


@step
def block(text: str) -> bool: ...


@step(retries=2, backoff="1s")
async def send(text: str) -> float: ...


@task
async def work(order: int, *, urgent: bool = False) -> str:
    reveal_type(await fetch(1))  # 1
    reveal_type(await block("a"))  # 2
    reveal_type(await send("a"))  # 3
    await fetch("one")  # 4
    reveal_type(await wait.for_any(["waitpoint_1"], int).unwrap())  # 5
    reveal_type(await wait.for_all(["waitpoint_1"], int).unwrap())  # 6
    reveal_type(await wait.now())  # 7
    return "done"


@task(id="other", retries=1)
async def other() -> int:
    reveal_type(await work.trigger_and_wait(1, urgent=True))  # 8
    handle = await work.options(tags=["a"]).trigger(1)
    reveal_type(await handle.result())  # 9
    await work.trigger("one")  # 10
    work.options(tag="a")  # 11
    return 1
"""

EXPECTED = {
    1: '"list[str]"',
    2: '"bool"',
    3: '"float"',
    4: 'incompatible type "str"; expected "int"',
    5: '"int"',
    6: '"list[int]"',
    7: '"datetime.datetime"',
    8: '"str"',
    9: '"str"',
    10: 'incompatible type "str"; expected "int"',
    11: 'Unexpected keyword argument "tag"',
}


def test_a_type_checker_knows_tasks_and_steps(tmp_path: Path) -> None:
    """Under `mypy --strict`, as our users may run it."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", program],
        cwd=tmp_path,
        env={"MYPYPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    said: dict[int, str] = {}
    for line in checked.stdout.splitlines()[:-1]:
        if line.startswith("program.py:") and "empty-body" not in line:
            said.setdefault(int(line.split(":")[1]), line)
    lines = PROGRAM.splitlines()
    for number, expected in EXPECTED.items():
        place = next(index for index, text in enumerate(lines, 1) if text.endswith(f"# {number}"))
        assert expected in said.get(place, checked.stdout), lines[place - 1]
