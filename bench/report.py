"""
Tables of figures: on the terminal, and as RESULTS.md with a plot.

``python -m bench.report results.json`` writes both beside that file.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from bench.figure import Figure, Wanted, read
from bench.obstacle import OBSTACLES
from bench.plot import plot

HEAD = ("figure", "relay", "beside", "", "ratio", "from – to", "wanted")
ABOUT = """# What relay costs

Written by `python -m bench.report`; `python -m bench` measures anew. Each figure is the median of
its rounds, in which relay and what stands beside it are measured in turns on the same machine.
*Ratio* is the median of the rounds' ratios, *from – to* their range: that can be compared between
machines, the figures by themselves cannot.
"""


def results(found: Sequence[Figure], machine: Mapping[str, str]) -> str:
    """The whole of RESULTS.md."""
    parts = groupby(found, key=lambda figure: figure.part)
    return "\n".join(
        [
            ABOUT,
            *(f"* {name}: {value}" for name, value in machine.items()),
            "",
            "![ratios](results.svg)",
            "",
            *_missed(found),
            *(line for part, figures in parts for line in _part(part, figures)),
        ]
    )


def row(figure: Figure) -> tuple[str, ...]:
    """The cells of one figure, as ``HEAD`` names them."""
    if figure.value is None:
        return (figure.name, "–", "–", figure.remark, "–", "–", "–")
    return (
        figure.name,
        f"{number(figure.value)} {figure.unit}",
        "–" if figure.other is None else number(figure.other),
        figure.beside or figure.remark,
        "–" if figure.ratio is None else number(figure.ratio),
        f"{number(min(figure.ratios))} – {number(max(figure.ratios))}" if figure.ratios else "–",
        _judged(figure),
    )


def number(value: float) -> str:
    """Three digits that mean something."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _judged(figure: Figure) -> str:
    if figure.wanted is None:
        return "–"
    return f"{_bound(figure.wanted, figure.unit)}: {'yes' if figure.reached else '**no**'}"


def _found(figure: Figure) -> str:
    """What was wanted, and what is."""
    if figure.wanted is None or figure.value is None or figure.ratio is None:
        return _judged(figure)
    is_value = figure.wanted.of == "value"
    found = f"{number(figure.value)} {figure.unit}" if is_value else number(figure.ratio)
    return f"wanted {_bound(figure.wanted, figure.unit)}, found {found}"


def _bound(wanted: Wanted, unit: str) -> str:
    return f"{wanted.sign} {number(wanted.bound)}{f' {unit}' if wanted.of == 'value' else ''}"


def _missed(found: Iterable[Figure]) -> Iterator[str]:
    missed = [figure for figure in found if figure.reached is False]
    yield "## Not reached"
    yield ""
    for part, figures in groupby(missed, key=lambda figure: figure.part):
        yield from (f"* {part}: {figure.name}, {_found(figure)}" for figure in figures)
        yield f"\n  {OBSTACLES[part]}\n" if part in OBSTACLES else ""
    if not missed:
        yield "Everything that was wanted is reached."
    yield ""


def _part(part: str, figures: Iterable[Figure]) -> Iterator[str]:
    yield f"## {part[0].upper()}{part[1:]}"
    yield ""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{' --- |' * len(HEAD)}"
    yield from (f"| {' | '.join(row(figure))} |" for figure in figures)
    yield ""


def main() -> None:
    file = Path(sys.argv[1])
    told = json.loads(file.read_text(encoding="utf-8"))
    write(file.parent, read(told["figures"]), told["machine"])


def write(folder: Path, found: Sequence[Figure], machine: Mapping[str, str]) -> None:
    """RESULTS.md and its plot."""
    (folder / "RESULTS.md").write_text(results(found, machine), encoding="utf-8")
    plot(found, folder / "results.svg")


if __name__ == "__main__":
    main()
