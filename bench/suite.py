"""Runs the parts one after the other; prints each figure as it comes, and writes them all."""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench import accept, flow, growth, memory, page, parts
from bench.figure import Figure, written
from bench.machine import machine
from bench.peers import comparison
from bench.report import row, write
from bench.scale import FULL, QUICK, Scale

Part = Callable[[Scale, Path], Iterator[Figure]]
PARTS: dict[str, Part] = {
    "accept": accept.measure,
    "flow": flow.measure,
    "memory": memory.measure,
    "growth": growth.measure,
    "page": page.measure,
    "parts": parts.measure,
    "peers": comparison.measure,
}
FAILED = "could not be measured"


def main() -> int:
    given = _parser().parse_args()
    scale = QUICK if given.quick else FULL
    scale = replace(scale, rounds=given.rounds or scale.rounds)
    out = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    # Not where temporary files are: that can be memory, and a commit would cost nothing.
    with tempfile.TemporaryDirectory(dir=out, prefix="work-") as work:
        about = machine(Path(work))
        found = list(_measured(given.parts or list(PARTS), scale, Path(work)))
    told = {"machine": about, "figures": written(found)}
    text = json.dumps(told, indent=1, ensure_ascii=False)
    (out / "results.json").write_text(text + "\n", encoding="utf-8")
    write(out, found, about)
    print(f"written: {given.out}/results.json, RESULTS.md and results.svg")
    return 1 if any(figure.name == FAILED for figure in found) else 0


def _measured(names: list[str], scale: Scale, folder: Path) -> Iterator[Figure]:
    for name in names:
        print(f"\n{name}", flush=True)
        try:
            for figure in PARTS[name](scale, folder):
                _print(figure)
                yield figure
        except RuntimeError as error:  # what the other parts have found is not lost
            print(f"  {error}", flush=True)
            yield Figure(part=name, name=FAILED, unit="", remark=str(error).partition("\n")[0])


def _print(figure: Figure) -> None:
    cells = row(figure)
    print(f"  {cells[0]:44}{cells[1]:>22}{cells[2]:>10} {cells[3]:40}", end="")
    print(f"{cells[4]:>8}  {cells[6].replace('*', '')}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measures what relay costs, beside what others do."
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all without one"
    )
    parser.add_argument("--quick", action="store_true", help="only try that everything works")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"({FULL.rounds}; quick: 1)")
    parser.add_argument(
        "--out", type=Path, default=Path("bench-results"), metavar="FOLDER", help="(%(default)s)"
    )
    return parser
