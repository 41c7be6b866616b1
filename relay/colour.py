"""A little colour for terminals; what is not shown on one stays bare text."""

from dataclasses import dataclass

_RESET = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Colour:
    """Paints, if it is ``on``."""

    on: bool = False

    def bold(self, text: str) -> str:
        return self._painted(text, "1")

    def dim(self, text: str) -> str:
        return self._painted(text, "2")

    def good(self, text: str) -> str:
        return self._painted(text, "32")

    def bad(self, text: str) -> str:
        return self._painted(text, "31")

    def doubtful(self, text: str) -> str:
        return self._painted(text, "33")

    def tinted(self, text: str, rgb: int | None) -> str:
        """Text in the nearest of the 256 colours that every terminal has; dim without one."""
        if rgb is None:
            return self.dim(text)
        red, green, blue = (round((rgb >> shift & 0xFF) / 51) for shift in (16, 8, 0))
        return self._painted(text, f"38;5;{16 + 36 * red + 6 * green + blue}")

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}{_RESET}" if self.on and text else text


BARE = Colour()
