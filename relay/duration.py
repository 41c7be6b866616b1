"""Durations, sizes and paces, as people write them in the configuration."""

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"B": 1, "KB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20}


def seconds(written: object) -> float:
    """``300ms``, ``5s``, ``2m``, ``1h`` or ``7d`` in seconds; a bare 0 too."""
    if str(written).strip() == "0":
        return 0.0
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d)", str(written).strip())
    if found is None:
        raise ValueError("should be a duration like 300ms, 30s, 5m, 1h or 7d")
    return float(found[1]) * _UNITS[found[2]]


def size(written: object) -> int:
    """``4MiB`` or ``190kB`` in bytes."""
    found = re.fullmatch(r"(\d{1,12})\s*([kKM]i?B|B)?", str(written).strip())
    if found is None or isinstance(written, bool):
        raise ValueError("should be a size like 500KiB or 4MiB")
    return int(found[1]) * _SIZES[(found[2] or "B").replace("k", "K")]


Duration = Annotated[float, BeforeValidator(seconds)]
Size = Annotated[int, BeforeValidator(size)]
