"""Draws the ratios, and how far the rounds lay apart."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot

from bench.figure import Figure

REACHED, MISSED, PLAIN = "#2e8b57", "#c0392b", "#5b7083"


def plot(figures: Iterable[Figure], file: Path) -> None:
    """One bar for each ratio, the first on top; a mark where it should end."""
    shown = [figure for figure in reversed(list(figures)) if figure.ratio]
    drawing, axes = pyplot.subplots(figsize=(11, 1 + 0.24 * len(shown)))
    for place, figure in enumerate(shown):
        ratio = figure.ratio or 0.0
        spread = [[ratio - min(figure.ratios)], [max(figure.ratios) - ratio]]
        axes.barh(place, ratio, xerr=spread, color=_colour(figure), ecolor="#00000055")
        if figure.wanted is not None and figure.wanted.of == "ratio":
            axes.plot(figure.wanted.bound, place, "k|", markersize=12)
    axes.set_yticks(range(len(shown)), [f"{it.name} : {it.beside}" for it in shown], fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("relay : what stands beside it; | is what was wanted")
    axes.set_ylim(-0.6, len(shown) - 0.4)
    drawing.tight_layout()
    drawing.savefig(file, metadata={"Date": None})
    pyplot.close(drawing)


def _colour(figure: Figure) -> str:
    if figure.reached is None:
        return PLAIN
    return REACHED if figure.reached else MISSED
