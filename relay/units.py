"""Durations and sizes as people write them in the configuration."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WORDS = {
    "millisecond": "ms",
    "msec": "ms",
    "second": "s",
    "sec": "s",
    "minute": "m",
    "min": "m",
    "hour": "h",
    "hr": "h",
    "day": "d",
}
_SIZES = {"B": 1, "KB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20}


DURATION = r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d)"
SIZE = r"(\d{1,12})\s*([kKM]i?B|B)?"


def seconds(written: object) -> float:
    """Parse ``300ms``, ``5s``, ``2m``, ``1h``, ``7d`` or a bare 0 into seconds."""
    if str(written).strip() == "0":
        return 0.0
    match = re.fullmatch(DURATION, str(written).strip())
    if match is None:
        raise ValueError(f"should be a duration like 300ms, 30s, 5m, 1h or 7d{_meant(written)}")
    return float(match[1]) * _UNITS[match[2]]


def _meant(written: object) -> str:
    """A hint for a duration in words, like 5 minutes."""
    match = re.fullmatch(r"(\d{1,9})\s*([a-z]+?)s?", str(written).strip().lower())
    unit = _WORDS.get(match[2]) if match else None
    return f": did you mean {match[1]}{unit}?" if match and unit else ""


def size(written: object) -> int:
    """Parse ``4MiB`` or ``190kB`` into bytes."""
    match = re.fullmatch(SIZE, str(written).strip())
    if match is None or isinstance(written, bool):
        raise ValueError("should be a size like 500KiB or 4MiB")
    return int(match[1]) * _SIZES[(match[2] or "B").replace("k", "K")]


def written(seconds: float) -> str:
    """A duration as people write it: in the largest unit of which it is a whole number."""
    whole = [(name, seconds / unit) for name, unit in _UNITS.items()]
    name, number = [unit for unit in whole if unit[1] >= 1 and unit[1] == round(unit[1])][-1]
    return f"{number:.0f}{name}"


def elapsed(seconds: float) -> str:
    """A length of time for people in its two largest units: ``45s``, ``1h 59m``, ``2d``."""
    whole = max(0, round(seconds))
    units = [(name, round(_UNITS[name])) for name in ("d", "h", "m", "s")]
    start = next((i for i, (_, size) in enumerate(units) if whole >= size), len(units) - 1)
    (large, size), (small, part) = units[start], units[min(start + 1, len(units) - 1)]
    rest = whole % size // part
    return f"{whole // size}{large}" + (f" {rest}{small}" if rest else "")


def written_size(size: int) -> str:
    """A size as people write it."""
    name, number = [(name, size // unit) for name, unit in _SIZES.items() if size % unit == 0][-1]
    return f"{number}{name}"


_Duration = Annotated[str, Field(pattern=f"^{DURATION}$")] | Literal[0]
_Size = Annotated[str, Field(pattern=f"^{SIZE}$")] | Annotated[int, Field(ge=1)]
Duration = Annotated[float, BeforeValidator(seconds, json_schema_input_type=_Duration)]
Size = Annotated[int, BeforeValidator(size, json_schema_input_type=_Size)]
