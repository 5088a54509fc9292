"""What is importable is what is listed, and importing it is light."""

import subprocess
import sys

HEAVY = ("app", "litestar", "sqlalchemy", "sqlmodel", "pydantic", "uvicorn", "httpx", "websockets")


def run_python(program: str) -> str:
    """What a fresh interpreter prints."""
    answer = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def test_what_is_importable_is_what_is_listed() -> None:
    """The front page is the API: no name slips in, and none is missing."""
    importable = run_python("import waitpoint; print(*[name for name in dir(waitpoint) if name[0] != '_'])").split()

    listed = run_python("import waitpoint; print(*waitpoint.__all__)").split()

    assert sorted(importable) == sorted(listed)


def test_the_list_is_sorted() -> None:
    """Upper case first, as in every list of names; a newcomer finds a name by its place."""
    listed = run_python("import waitpoint; print(*waitpoint.__all__)").split()

    assert sorted(listed) == listed


def test_wait_lists_what_it_has() -> None:
    """`wait` is a module that reads as a verb."""
    importable = run_python("from waitpoint import wait; print(*[n for n in vars(wait) if n[0] != '_'])").split()

    listed = run_python("from waitpoint import wait; print(*wait.__all__)").split()

    assert sorted(importable) == sorted([*listed, "annotations"])


def test_importing_is_light() -> None:
    """A program that imports the SDK imports neither the server nor what it does not use yet."""
    loaded = run_python("import sys, waitpoint; print(*sys.modules)").split()

    assert not [module for module in loaded if module.split(".")[0] in HEAVY]


def test_using_a_client_does_not_import_pydantic_or_the_server() -> None:
    """Pydantic is optional: who has a model has imported it."""
    program = """
import sys, waitpoint
with waitpoint.Waitpoint(secret_key="tr_dev_sk_x") as client:
    pass
waitpoint.wait.for_token("waitpoint_1", dict)
print(*sys.modules)
"""
    loaded = run_python(program).split()

    assert not [module for module in loaded if module.split(".")[0] in {"app", "litestar", "sqlalchemy", "pydantic"}]
