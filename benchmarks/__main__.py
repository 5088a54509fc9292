"""`python -m benchmarks [NAME …] [--quick] [--save]`, and `python -m benchmarks profile KIND`."""

import argparse
import json
import os
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from . import against_restate, browser, lists, machine, profiling, restart, sockets, throughput, waiting_runs
from .figures import Report

BENCHMARKS: dict[str, Callable[..., Iterator[Report]]] = {
    "throughput": throughput.measure,
    "lists": lists.measure,
    "browser": browser.measure,
    "sockets": sockets.measure,
    "restart": restart.measure,
    "waiting-runs": waiting_runs.measure,
    "restate": against_restate.measure,
}


def main() -> None:
    """Measure what was asked for, and print each table as soon as it is there."""
    arguments = _arguments()
    machine.pin(os.getpid(), machine.CLIENT_CORE)
    if arguments.names[:1] == ["profile"]:
        profiling.profile(arguments.names[1])
        return
    described = machine.describe()
    print("\n".join(f"{name}: {value}" for name, value in described.items()), "\n")
    reports: dict[str, list[Report]] = {}
    failed = [
        name
        for name in arguments.names or BENCHMARKS
        if not _measure(name, reports.setdefault(name, []), quick=arguments.quick)
    ]
    if arguments.save:
        print("saved:", _save(described, reports))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds: a minute instead of ten")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/<date>.json")
    arguments = parser.parse_args()
    if arguments.names[:1] == ["profile"]:
        if len(arguments.names) != 2 or arguments.names[1] not in profiling.KINDS:
            parser.error(f"profile one of {', '.join(profiling.KINDS)}")
    elif unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. There are {', '.join(BENCHMARKS)}.")
    return arguments


def _measure(name: str, reports: list[Report], *, quick: bool) -> bool:
    """Print each report of a benchmark as soon as it is there. False when it failed, which keeps no other from running."""
    try:
        for report in BENCHMARKS[name](quick=quick):
            print(report, flush=True)
            reports.append(report)
    except Exception:  # noqa: BLE001 - whatever it was, it is shown
        print(f"{name} failed:\n{traceback.format_exc()}", flush=True)
        return False
    return True


def _save(described: dict[str, str], reports: dict[str, list[Report]]) -> Path:
    path = machine.ROOT / "benchmarks" / "results" / f"{datetime.now(UTC):%Y-%m-%d}.json"
    path.parent.mkdir(exist_ok=True)
    figures = {name: {report.title: report.figures for report in found} for name, found in reports.items()}
    path.write_text(json.dumps({"described": described, "figures": figures}, indent=2) + "\n")
    return path


if __name__ == "__main__":
    main()
