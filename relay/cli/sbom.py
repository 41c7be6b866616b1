"""
``sbom``: the packages that relay runs with, as a CycloneDX bill of materials.

Of relay and what it needs, as installed beside it, and nothing else of the environment.
https://cyclonedx.org/docs/1.6/json/
"""

from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from relay.cli.context import say_json
from relay.cli.parser import Commands, add

ROOT = "relay"
OPTIONAL = ("postgres", "speed")
"""The extras of relay that take part in its work."""


def sbom(given: Namespace) -> int:
    say_json(bill())
    return 0


def bill() -> dict[str, Any]:
    """Everything that relay reaches by its requirements, and who requires what."""
    found: dict[str, Distribution] = {}
    needs: dict[str, list[str]] = {}
    waiting = [ROOT]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = distribution(name)
            needs[name] = sorted(set(_needed(found[name])))
            waiting += needs[name]
    root = found.pop(ROOT)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component(ROOT, root, kind="application")},
        "components": [_component(name, found[name]) for name in sorted(found)],
        "dependencies": [
            {"ref": _ref(name), "dependsOn": [_ref(one) for one in needs[name]]}
            for name in sorted(needs)
        ],
    }


def _needed(package: Distribution) -> Iterator[str]:
    """The packages it requires here; of what is optional, what is there."""
    extras = ["", *(OPTIONAL if package.metadata["Name"] == ROOT else ())]
    for line in package.requires or ():
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        for extra in extras:
            is_wanted = wanted.marker is None or wanted.marker.evaluate({"extra": extra})
            if is_wanted and (not extra or _is_installed(name)):
                yield name


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _component(name: str, package: Distribution, *, kind: str = "library") -> dict[str, Any]:
    told = {
        "type": kind,
        "bom-ref": _ref(name),
        "name": name,
        "version": package.version,
        "purl": f"pkg:{_index(name)}/{name}@{package.version}",
    }
    for expression in package.metadata.get_all("License-Expression") or ():
        return told | {"licenses": [{"expression": expression}]}
    licenses = [
        one.rpartition(" :: ")[2]
        for one in package.metadata.get_all("Classifier") or ()
        if one.startswith("License :: OSI Approved :: ")
    ]
    return told | (
        {"licenses": [{"license": {"name": one}} for one in licenses]} if licenses else {}
    )


def _ref(name: str) -> str:
    return f"{_index(name)}:{name}"


def _index(name: str) -> str:
    """Where a package comes from. The one that is called relay on PyPI is another."""
    return "generic" if name == ROOT else "pypi"


def add_sbom(commands: Commands) -> None:
    add(
        commands,
        "sbom",
        sbom,
        about="print the packages that relay runs with: a CycloneDX bill of materials",
        example="relay sbom > sbom.cdx.json",
        config=False,
    )
