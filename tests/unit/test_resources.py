"""The files that come with relay are found, and the wheel has each of them inside the package."""

import tomllib
from pathlib import Path

import pytest

from relay.resources import resource

NAMES = ["templates", "samples", "locale", "deploy/relay.service"]


@pytest.mark.parametrize("name", NAMES)
def test_a_checkout_has_every_resource(name: str) -> None:
    assert resource(name).exists()


def test_a_wheel_has_them_inside_the_package() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    build = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    included = build["targets"]["wheel"]["force-include"]
    assert included == {name: f"relay/{name}" for name in NAMES}


def test_what_is_inside_the_package_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "relay"
    (package / "templates").mkdir(parents=True)
    (tmp_path / "samples").mkdir()
    monkeypatch.setattr("relay.resources._PACKAGE", package)
    assert resource("templates") == package / "templates"
    assert resource("samples") == tmp_path / "samples"
