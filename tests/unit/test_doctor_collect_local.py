"""What doctor sees of the machine: real files, their modes, and the table of mounts."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.config import Config, load
from relay.doctor import collect_local
from relay.doctor.collect_local import file_system
from relay.errors import OutboxError

SECRET = "0123456789abcdef0123"
MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /srv rw - nfs4 host:/srv rw
24 23 0:22 / /srv/a\\040b rw shared:5 - tmpfs tmpfs rw
25 22 0:23 / /twice rw - ext4 /dev/vdb rw
26 25 0:24 / /twice rw - overlay overlay rw
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users get into, unlike pytest's own."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def installed(folder: Path, text: str) -> tuple[Config, Path]:
    path = folder / "config.yaml"
    path.write_text(f"outbox: sqlite:{folder}/relay.db\n{text}", encoding="utf-8")
    path.chmod(0o644)
    return load(path, environ={"ALICE": SECRET}), path


def readable(folder: Path, text: str) -> dict[str, str]:
    """The files that others read and should not, with what they hold."""
    files = collect_local.files(*installed(folder, text))
    return {one.path.name: one.holds for one in files if one.is_readable and one.holds}


def test_a_configuration_with_a_secret_in_it_is_told_if_others_read_it(folder: Path) -> None:
    assert readable(folder, f"hooks: {{alice: {{secret: {SECRET}}}}}") == {
        "config.yaml": "a secret"
    }


@pytest.mark.parametrize(
    "sink",
    [
        "{type: discord, url: https://discord.example/webhooks/1/SECRET}",
        "{type: slack, token: xoxb-SECRET, channel: C1}",
        "{type: matrix, homeserver: https://m.example, room: '!a:b', token: SECRET}",
    ],
)
def test_a_secret_of_any_sink_counts(folder: Path, sink: str) -> None:
    text = f"sinks: {{team: {sink.replace('SECRET', SECRET)}}}\nroutes: [{{to: team}}]"
    assert readable(folder, text) == {"config.yaml": "a secret"}


def test_a_password_counts(folder: Path) -> None:
    assert readable(folder, f"web: {{password: {SECRET}}}") == {"config.yaml": "a secret"}


def test_a_configuration_without_a_secret_may_be_read(folder: Path) -> None:
    assert readable(folder, "hooks: {alice: {secret: '${ALICE}'}}") == {}


def test_a_file_with_a_secret_is_told_if_others_read_it(folder: Path) -> None:
    for name, mode in (("open", 0o644), ("closed", 0o640)):
        (folder / name).write_text(f"{SECRET}{name}", encoding="utf-8")
        (folder / name).chmod(mode)
    assert readable(folder, "hooks: {alice: {secret_file: [open, closed]}}") == {"open": "a secret"}


def test_a_file_that_holds_the_secret_of_many_is_told_once(folder: Path) -> None:
    (folder / "open").write_text(SECRET, encoding="utf-8")
    (folder / "open").chmod(0o644)
    hooks = ", ".join(f"hook{n}: {{secret_file: open}}" for n in range(100))
    files = collect_local.files(*installed(folder, f"hooks: {{{hooks}}}"))
    assert [one.path.name for one in files] == ["config.yaml", "open"]


def test_a_closed_folder_keeps_what_is_in_it(folder: Path) -> None:
    folder.chmod(0o700)
    assert readable(folder, f"hooks: {{alice: {{secret: {SECRET}}}}}") == {}


def test_an_outbox_and_its_journal_are_looked_at(folder: Path) -> None:
    for name in ("relay.db", "relay.db-wal"):
        (folder / name).write_bytes(b"x" * 10)
        (folder / name).chmod(0o644)
    assert readable(folder, "") == {"relay.db": "private notes", "relay.db-wal": "private notes"}
    disk = collect_local.disk(installed(folder, "")[0])
    assert (disk.path, disk.outbox, disk.journal) == (folder / "relay.db", 10, 10)
    assert disk.free > 0


def test_a_folder_that_others_write_to_is_told(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine").chmod(0o777)
    files = collect_local.files(*installed(folder, "templates: mine"))
    assert [one.path.name for one in files if one.is_writable] == ["mine"]


def test_the_folder_of_an_outbox_may_be_missing(folder: Path) -> None:
    config, _ = installed(folder, "")
    disk = collect_local.disk(config.model_copy(update={"outbox": f"sqlite:{folder}/a/b/relay.db"}))
    assert (disk.has_folder, disk.outbox) == (False, None)
    assert collect_local.disk(config).has_folder


def test_a_place_where_nobody_can_look_is_told(folder: Path) -> None:
    config, path = installed(folder, "")
    config = config.model_copy(update={"outbox": f"sqlite:{folder}/{'x' * 300}"})
    with pytest.raises(OutboxError, match="cannot be read: File name too long"):
        collect_local.disk(config)
    assert [one.path for one in collect_local.files(config, path)] == [path]


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        pytest.param("/var/lib/relay", "ext4", id="the root's"),
        pytest.param("/srv", "nfs4", id="the place of a mount"),
        pytest.param("/srv/deep/below", "nfs4", id="below a mount"),
        pytest.param("/srv/a b/c", "tmpfs", id="a mount in a mount, with a blank in its name"),
        pytest.param("/srvother", "ext4", id="a name that only begins alike"),
        pytest.param("/twice", "overlay", id="a place that was mounted over"),
    ],
)
def test_a_folder_is_of_the_file_system_that_is_mounted_next(place: str, kind: str) -> None:
    assert file_system(Path(place), MOUNTS) == kind


def test_without_a_table_of_mounts_the_file_system_is_not_known() -> None:
    assert file_system(Path("/"), "") == ""
