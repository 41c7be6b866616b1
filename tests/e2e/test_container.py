"""The container, as far as it can be tried without one: what it copies, runs and asks."""

import asyncio
import json
import re
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from relay.config import parse
from tests.e2e.process import serving

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")
CONFIG = "listen: 127.0.0.1:0\nhooks: {alice: {secret: s3cret}}\n"


def instructions(name: str) -> list[str]:
    joined = CONTAINERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name}\s+(.*)$", joined, re.M)


def compose() -> dict[str, Any]:
    text = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["services"]["relay"]


def test_the_build_gets_all_that_the_package_is_made_of() -> None:
    kept = [
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [
        *wheel["packages"], *wheel["force-include"], *wheel.get("shared-data", ()),
        "pyproject.toml", project["project"]["readme"], *project["project"]["license-files"],
    ]  # fmt: skip
    assert sorted(kept) == sorted(needed)
    assert all((ROOT / name).exists() for name in kept)
    assert not any(fnmatch(name, one) for name in ("relay.env", "config.yaml") for one in kept)


async def health(port: str) -> int:
    """The exit code of the image's own health check, with this Python, against a port."""
    check = instructions("HEALTHCHECK")[0]
    python, *arguments = json.loads(check[check.index("[") :])
    assert python == "/opt/relay/bin/python"
    asked = [one.replace("127.0.0.1:8095", f"127.0.0.1:{port}") for one in arguments]
    assert asked != arguments
    process = await asyncio.create_subprocess_exec(
        sys.executable, *asked, stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait()


async def test_the_health_check_tells_a_relay_that_runs_from_one_that_does_not(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, CONFIG) as relay:
        port = relay.address.rsplit(":", 1)[1]
        assert await health(port) == 0
    assert await health(port) == 1


def test_the_health_check_asks_where_relay_listens_by_default() -> None:
    found = parse(CONFIG.split("\n", 1)[1], file="f", base=ROOT, environ={})
    assert found.listen == "127.0.0.1:8095"
    assert instructions("EXPOSE") == ["8095"]


def test_the_container_runs_a_command_that_there_is() -> None:
    entry = json.loads(instructions("ENTRYPOINT")[0])
    assert entry == ["/opt/relay/bin/relay"]
    assert json.loads(instructions("CMD")[0])[:2] == ["serve", "--config"]


@pytest.mark.parametrize("word", ["root", "0", "0:0"])
def test_the_container_does_not_run_as_root(word: str) -> None:
    assert instructions("USER")[-1] != word


def test_the_containers_root_is_read_only_but_for_the_outbox() -> None:
    relay = compose()
    assert relay["read_only"] is True
    assert relay["cap_drop"] == ["ALL"]
    written = [one for one in relay["volumes"] if not one.endswith(":ro")]
    assert written == [f"outbox:{instructions('VOLUME')[0]}"]
    assert instructions("WORKDIR") == instructions("VOLUME")


def test_the_configuration_is_mounted_where_the_command_looks_for_it() -> None:
    (mounted,) = [one.split(":")[1] for one in compose()["volumes"] if one.endswith(":ro")]
    assert json.loads(instructions("CMD")[0])[2] == mounted


def test_compose_builds_the_containerfile_that_is_there() -> None:
    build = compose()["build"]
    context = (ROOT / "deploy" / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]).is_file()
