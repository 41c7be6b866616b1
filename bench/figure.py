"""One figure: its rounds, what stands beside it, and what was wanted of it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Wanted:
    """A bound that a figure should keep: its ratio to what stands beside it, or its value."""

    sign: Literal["≥", "≤"]
    bound: float
    of: Literal["ratio", "value"] = "ratio"

    def holds(self, found: float) -> bool:
        return found >= self.bound if self.sign == "≥" else found <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What relay needed or managed in each round, and what another did in the same rounds."""

    part: str
    name: str
    unit: str
    ours: tuple[float, ...] = ()
    """Empty: it could not be measured here, and the remark says why."""
    beside: str = ""
    """What the other is: the ceiling, or a peer."""
    theirs: tuple[float, ...] = ()
    wanted: Wanted | None = None
    remark: str = ""

    @property
    def value(self) -> float | None:
        return median(self.ours) if self.ours else None

    @property
    def other(self) -> float | None:
        return median(self.theirs) if self.theirs else None

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours to theirs, round by round: what slows the machine down for both drops out."""
        pairs = zip(self.ours, self.theirs, strict=False)
        return tuple(mine / other for mine, other in pairs if other)

    @property
    def ratio(self) -> float | None:
        return median(self.ratios) if self.ratios else None

    @property
    def reached(self) -> bool | None:
        """None: nothing was wanted, or nothing could be measured."""
        if self.wanted is None:
            return None
        found = self.ratio if self.wanted.of == "ratio" else self.value
        return None if found is None else self.wanted.holds(found)


def written(figures: Iterable[Figure]) -> list[dict[str, Any]]:
    """As plain data; ``read`` takes it back."""
    return [asdict(figure) for figure in figures]


def read(rows: Iterable[dict[str, Any]]) -> list[Figure]:
    return [_figure(**row) for row in rows]


def _figure(
    *, ours: list[float], theirs: list[float], wanted: dict[str, Any] | None, **named: str
) -> Figure:
    return Figure(
        ours=tuple(ours),
        theirs=tuple(theirs),
        wanted=None if wanted is None else Wanted(**wanted),
        **named,
    )
