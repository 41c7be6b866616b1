"""The unit runs relay, shut in by systemd's own judgement, with the places of an installation."""

import re
import subprocess
from argparse import Namespace
from pathlib import Path

import pytest

from relay.cli.install_service import closed, install_service, template, unit

STANDARD = ["/opt/relay/.venv/bin/relay"]
CONFIG = Path("/etc/relay/config.yaml")
SECRET = Path("/etc/relay/secrets/alice")


def analyze(*arguments: str, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "relay.service"
    file.write_text(text, encoding="utf-8")
    return subprocess.run(
        ["systemd-analyze", *arguments, str(file)], capture_output=True, text=True, check=False
    )


def runnable(text: str) -> str:
    """``verify`` asks whether the program is there, which is not the question here."""
    return text.replace(STANDARD[0], "/usr/bin/env")


def test_the_unit_is_valid(tmp_path: Path) -> None:
    verified = analyze("verify", text=runnable(template()), folder=tmp_path)
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_systemd_would_tell_a_mistake_in_the_unit(tmp_path: Path) -> None:
    text = runnable(template()).replace("DynamicUser=yes", "DynamicUsr=yes")
    assert "DynamicUsr" in analyze("verify", text=text, folder=tmp_path).stderr


def test_systemd_finds_little_that_the_service_could_still_do(tmp_path: Path) -> None:
    found = analyze(
        "security", "--offline=true", "--threshold=20", text=template(), folder=tmp_path
    )
    assert found.returncode == 0, found.stdout
    level = re.search(r"exposure level for relay\.service: ([\d.]+)", found.stdout)
    assert level is not None
    assert float(level[1]) <= 2.0


def test_the_unit_of_the_usual_places_is_the_one_in_deploy() -> None:
    assert unit(STANDARD, CONFIG, [SECRET]) == template()


def test_a_unit_has_the_places_of_its_installation(tmp_path: Path) -> None:
    text = unit(["/srv/r/bin/relay"], Path("/srv/50%/config.yaml"), [Path("/srv/50%/discord.url")])
    assert "ExecStart=/srv/r/bin/relay serve --config /srv/50%%/config.yaml\n" in text
    assert "LoadCredential=discord.url:/srv/50%%/discord.url\n" in text
    assert "EnvironmentFile=-/srv/50%%/relay.env\n" in text
    assert "/etc/relay" not in re.sub("(?m)^#.*", "", text)
    verified = analyze("verify", text=text.replace("/srv/r/bin/relay", "/bin/env"), folder=tmp_path)
    assert (verified.returncode, verified.stderr) == (0, "")


def test_a_word_with_a_blank_is_one_word_for_systemd() -> None:
    assert "ExecStart='/srv/my relay' serve" in unit(["/srv/my relay"], CONFIG, [])


def test_without_files_of_secrets_systemd_looks_for_none() -> None:
    # A credential that is not there would keep the service from starting.
    assert "\nLoadCredential=" not in unit(STANDARD, CONFIG, [])


@pytest.mark.parametrize(
    ("mode", "is_told"),
    [
        pytest.param(0o755, False, id="a folder for everybody"),
        pytest.param(0o700, True, id="a closed home"),
    ],
)
def test_what_a_user_of_its_own_cannot_reach_is_told(
    tmp_path: Path, mode: int, is_told: bool
) -> None:
    home = tmp_path / "home"
    (home / "bin").mkdir(parents=True)
    program = home / "bin" / "relay"
    program.touch()
    home.chmod(mode)
    assert (home in set(closed([program]))) == is_told


@pytest.mark.parametrize(
    ("outbox", "is_told"),
    [("relay.db", True), ("data/relay.db", True), ("/srv/relay.db", False)],
)
def test_a_service_elsewhere_is_told_where_commands_look_for_its_outbox(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outbox: str, is_told: bool
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"outbox: sqlite:{outbox}\n", encoding="utf-8")
    assert install_service(Namespace(config=config)) == 0
    told = f"write outbox: sqlite:/var/lib/relay/{outbox} into {config}"
    assert (told in capsys.readouterr().err) == is_told
