"""The files that come with relay next to its code: templates, samples, catalogues, the unit."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(name: str) -> Path:
    """
    The path of ``templates``, ``samples``, ``locale`` or ``deploy/relay.service``.

    A wheel has them inside the package, a checkout (and so an editable install, which is why
    ``importlib.resources`` does not find them) next to it.
    """
    inside = _PACKAGE / name
    return inside if inside.exists() else _PACKAGE.parent / name
