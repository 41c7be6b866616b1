"""Files of an outbox that may not be used: the error names the user, the file and a remedy."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relay.errors import OutboxError
from relay.outbox import FileLock, SQLiteOutbox, is_foreign, serve_outbox, view_outbox
from tests.factories import accept, an_event

OTHER = 65534


@contextmanager
def as_somebody_else() -> Iterator[str]:
    """Whoever runs the tests: a user without rights over what root has, or has closed."""
    if os.geteuid():
        yield pwd.getpwuid(os.geteuid()).pw_name
        return
    os.seteuid(OTHER)
    try:
        yield pwd.getpwuid(OTHER).pw_name
    finally:
        os.seteuid(0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user of the machine gets to: pytest's own is closed."""
    made = Path(tempfile.mkdtemp(prefix="relay-test-"))
    made.chmod(0o755)
    yield made
    for one in (made, *made.rglob("*")):
        if one.is_dir():
            one.chmod(0o755)
    shutil.rmtree(made)


@pytest.fixture
async def path(folder: Path) -> Path:
    path = folder / "outbox" / "relay.db"
    path.parent.mkdir(0o777)
    path.parent.chmod(0o777)
    async with serve_outbox(f"sqlite:{path}", now=0) as outbox:
        await accept(outbox, an_event(1), b"{}", {"team": "r"}, now=0)
    return path


def close_file(path: Path) -> None:
    path.chmod(0)


def close_folder(path: Path) -> None:
    path.parent.chmod(0o500 if os.geteuid() else 0o755)


def close_way(path: Path) -> None:
    path.parent.chmod(0o600 if os.geteuid() else 0o700)


async def served(path: Path) -> None:
    async with serve_outbox(f"sqlite:{path}", now=0):
        pass


async def viewed(path: Path) -> None:
    async with view_outbox(f"sqlite:{path}"):
        pass


@pytest.mark.parametrize(
    ("close", "told"),
    [
        (close_file, "may not read and write the file {path}"),
        (close_way, "may not work in the folder {path.parent}"),
    ],
)
@pytest.mark.parametrize("use", [served, viewed])
async def test_an_inaccessible_outbox_is_reported_with_file_user_and_remedy(
    path: Path, close: Callable[[Path], None], told: str, use: Callable[[Path], object]
) -> None:
    path.with_name("relay.db.lock").chmod(0o666)
    close(path)
    with as_somebody_else() as user, pytest.raises(OutboxError) as error:
        await use(path)  # type: ignore[misc]
    assert told.format(path=path) in str(error.value)
    assert f"the user {user} " in str(error.value)
    assert f"chown {user} " in str(error.value)
    assert str(path) in str(error.value)


async def test_a_lock_that_cannot_be_created_is_reported_with_its_folder_and_a_remedy(
    path: Path,
) -> None:
    path.with_name("relay.db.lock").unlink()
    close_folder(path)
    with as_somebody_else() as user, pytest.raises(OutboxError) as error:
        FileLock(path)
    assert "relay.db.lock: cannot be opened: Permission denied" in str(error.value)
    assert f"the user {user} may not work in the folder {path.parent}" in str(error.value)
    assert f"chown {user} {path.parent}" in str(error.value)


async def test_a_lock_of_another_user_names_the_file(path: Path) -> None:
    lock = path.with_name("relay.db.lock")
    lock.chmod(0)
    with as_somebody_else() as user, pytest.raises(OutboxError) as error:
        FileLock(path)
    assert f"the user {user} may not read and write the file {lock}" in str(error.value)


@pytest.mark.parametrize("use", [FileLock, SQLiteOutbox.open])
def test_a_missing_folder_is_reported_with_the_command_to_create_it(
    folder: Path, use: Callable[[Path], object]
) -> None:
    with pytest.raises(OutboxError) as error:
        use(folder / "not there" / "relay.db")
    assert f"there is no folder {folder}/not there: mkdir -p -m 700 '{folder}/not there'" in (
        str(error.value)
    )


@pytest.mark.parametrize("use", [FileLock, SQLiteOutbox.open])
def test_a_file_in_place_of_a_folder_is_reported(
    folder: Path, use: Callable[[Path], object]
) -> None:
    (folder / "file").touch()
    with pytest.raises(OutboxError, match=f"{folder}/file is not a folder"):
        use(folder / "file" / "relay.db")


def test_a_folder_that_cannot_be_entered_is_not_a_bug(path: Path) -> None:
    close_way(path)
    with as_somebody_else():
        assert not is_foreign(path)


async def test_a_user_who_may_only_read_sees_the_content(path: Path) -> None:
    path.chmod(0o644)
    close_folder(path)
    with as_somebody_else():
        async with view_outbox(f"sqlite:{path}") as outbox:
            assert await outbox.counts() == {("team", "pending"): 1}
            with pytest.raises(OutboxError, match="readonly"):
                await outbox.drop([1])


async def test_a_user_who_may_only_read_sees_what_a_killed_relay_left_in_its_log(
    path: Path, folder: Path
) -> None:
    async with serve_outbox(f"sqlite:{path}", now=0) as outbox:
        await accept(outbox, an_event(2), b"{}", {"team": "r"}, now=0)
        copy = folder / "copy" / "relay.db"
        copy.parent.mkdir()
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
            Path(f"{copy}{end}").chmod(0o444)
    before = sorted(one.name for one in copy.parent.iterdir())
    copy.parent.chmod(0o555)
    with as_somebody_else():
        async with view_outbox(f"sqlite:{copy}") as seen:
            assert await seen.counts() == {("team", "pending"): 2}
    assert sorted(one.name for one in copy.parent.iterdir()) == before
