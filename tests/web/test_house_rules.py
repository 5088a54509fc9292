"""Rules that no behaviour shows until it is too late, read off the code itself.

Time and randomness come in by one door each, data never becomes SQL or markup, and one function ends tokens.
Each rule is shown to find its offence in a few lines of bad code.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
TEMPLATES = ROOT / "templates"

CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.localtime",
    "time.gmtime", "time.ctime", "time.strftime", "datetime.datetime.now", "datetime.datetime.utcnow",
}  # fmt: skip
# `time.monotonic` and `time.perf_counter` are not clocks: they measure how long the server itself waited or worked.
CHANCE = {"random", "secrets", "uuid"}
SQL = {"execute", "exec_driver_sql", "text", "executemany", "scalar", "scalars"}


def sources() -> dict[str, ast.Module]:
    """Every module of the server, by its path."""
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in sorted(APP.rglob("*.py"))}


def clocks(tree: ast.AST) -> Iterator[int]:
    """Lines that read a clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in CLOCKS:
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for name in node.names if f"time.{name.name}" in CLOCKS)


def chance(tree: ast.AST) -> Iterator[int]:
    """Lines that bring randomness in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and {name.name.partition(".")[0] for name in node.names} & CHANCE:
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "") in CHANCE:
            yield node.lineno
        if isinstance(node, ast.Attribute) and node.attr in {"urandom", "getrandom"}:
            yield node.lineno


def sql_made_of_data(tree: ast.AST) -> Iterator[int]:
    """Lines where a statement is put together from anything but constants of ours."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _name_of(node.func) not in SQL or not node.args:
            continue
        statement = node.args[0]
        if isinstance(statement, ast.JoinedStr):
            pieces = [piece.value for piece in statement.values if isinstance(piece, ast.FormattedValue)]
            if not all(isinstance(piece, ast.Name) and piece.id.isupper() for piece in pieces):
                yield node.lineno
        elif (isinstance(statement, ast.BinOp) and isinstance(statement.op, ast.Add | ast.Mod)) or (
            isinstance(statement, ast.Call) and _name_of(statement.func) in {"format", "join", "replace"}
        ):
            yield node.lineno


def raw_markup(tree: ast.AST) -> Iterator[int]:
    """Lines that declare a text to be markup."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name_of(node.func) == "Markup":
            yield node.lineno


def enders(tree: ast.Module) -> Iterator[str]:
    """Functions that can change or remove rows of tokens, directly or by a statement that is kept for it."""
    tables = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and "table_of(TokenRow)" in ast.unparse(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    changing = set[str]()
    for node in tree.body:
        if isinstance(node, ast.Assign) and (_changes(node.value, tables) or _names_in(node.value) & changing):
            changing |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    while True:
        found = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (_changes(node, tables) or _names_in(node) & changing)
        }
        private = {name for name in found if name.startswith("_")}
        if private <= changing:
            break
        changing |= private  # whoever calls a private helper does what it does
    yield from (name for name in found if not name.startswith("_"))


def _changes(node: ast.AST, tables: set[str]) -> bool:
    return any(
        isinstance(call, ast.Call)
        and _name_of(call.func) in {"update", "delete"}
        and call.args
        and (ast.unparse(call.args[0]) in tables or "TokenRow" in ast.unparse(call.args[0]).split("."))
        for call in ast.walk(node)
    )


def _names_in(node: ast.AST) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


RULES: list[tuple[str, Callable[[ast.AST], Iterator[int]], dict[str, int], str]] = [
    ("time comes in through clock.py", clocks, {"app/clock.py": 1}, "x = datetime.now(UTC)"),
    ("randomness comes in through ids.py", chance, {"app/ids.py": 1}, "import secrets"),
    # PRAGMA and SHOW take no parameters; the names are the doctor's own.
    ("data never becomes SQL", sql_made_of_data, {"app/admin/doctor.py": 2}, 'db.execute(f"SELECT {name}")'),
    # An icon of ours, and a text that was escaped in the same line; Markdown, as the allow-list let it through.
    (
        "data never becomes markup",
        raw_markup,
        {"app/pages/templates.py": 2, "app/requests/markdown.py": 1},
        "Markup(title)",
    ),
]


@pytest.mark.parametrize(("rule", "allowed", "offence"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_a_rule_of_the_house_is_kept(
    rule: Callable[[ast.AST], Iterator[int]], allowed: dict[str, int], offence: str
) -> None:
    """Nobody else does it; and the rule would notice."""
    found = {path: sorted(set(rule(tree))) for path, tree in sources().items()}
    offenders = {path: lines for path, lines in found.items() if len(lines) > allowed.get(path, 0)}

    assert {} == offenders
    assert [1] == list(rule(ast.parse(offence)))


def test_settle_is_the_only_way_a_token_ends() -> None:
    """One function writes the status of a token; whatever ends one comes through it. Another says what a deadline
    will write; that is all it changes.
    """
    found = {path: sorted(enders(tree)) for path, tree in sources().items()}

    assert {"app/tokens/lifecycle.py": ["change_default", "settle"]} == {
        path: names for path, names in found.items() if names
    }
    raw = re.compile(r"(?i)\b(update|delete\s+from|insert\s+into)\s+tokens\b")
    assert [] == [str(path) for path in APP.rglob("*.py") if raw.search(path.read_text())]


def test_a_second_way_to_end_a_token_would_be_noticed() -> None:
    """The control: a statement kept aside, and a helper that uses it."""
    bad = ast.parse(
        "_t = table_of(TokenRow)\n_S = update(_t).values(status='COMPLETED')\n"
        "def _go(db): db.run(_S)\ndef finish(db): _go(db)\ndef look(db): select(_t)\n"
    )

    assert ["finish"] == list(enders(bad))


def test_no_template_trusts_data() -> None:
    """Everything is escaped: nothing is marked safe, no escaping is switched off, no script or handler is inline."""
    rules = {
        "safe": r"\|\s*safe\b|\bMarkup\b",
        "autoescape": r"autoescape\s+false",
        "handler": r"<[^>]*\son[a-z]+\s*=",
        "script": r"<script(?![^>]*\bsrc=)[^>]*>",
        "style": r"<style|\sstyle\s*=",
        "address": r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:",
    }
    found = [
        f"{path.relative_to(TEMPLATES)}: {name}"
        for path in sorted(TEMPLATES.rglob("*"))
        if path.is_file()
        for name, rule in rules.items()
        if not (name == "style" and _is_a_mail(path)) and re.search(rule, path.read_text(), re.IGNORECASE)
    ]

    assert len(list(TEMPLATES.rglob("*.html"))) > 20
    assert [] == found


def _is_a_mail(path: Path) -> bool:
    """Mail programs know no style sheets: the parts of a mail carry their style with them, and no page's policy."""
    return path.parent.parent.name == "emails" or path.stem == "email"


def test_every_attribute_in_a_template_is_quoted() -> None:
    """Escaping protects a value only inside quotes."""
    unquoted = re.compile(r"\s[a-z-]+=\{\{")

    assert [] == [str(path) for path in TEMPLATES.rglob("*.html") if unquoted.search(path.read_text())]
