"""`waitpoint doctor`: whether all is well, for people and for monitoring."""

from ..admin.client import ask
from ..settings import load
from .output import add_json_option, parser_of, show

_MARKS = {"fine": "ok", "notice": "note", "problem": "PROBLEM"}


def main(arguments: list[str]) -> int:
    parser = parser_of(
        "doctor", "Look for anything that is wrong. Changes nothing. Exits with 1 when there is a problem."
    )
    parser.add_argument("--deep", action="store_true", help="read every row and every page: takes a while")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    findings = ask(load(), "doctor", deep=options.deep)
    problems = sum(1 for finding in findings if finding["level"] == "problem")
    if options.json:
        show({"well": problems == 0, "findings": findings})
    else:
        for finding in findings:
            print(f"{_MARKS[finding['level']]:<8}{finding['check']:<12}{finding['says']}")
        print(f"\n{problems} problem{'' if problems == 1 else 's'} found." if problems else "\nAll is well.")
    return 1 if problems else 0
