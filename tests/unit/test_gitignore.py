"""What a checkout that is also an installation must never commit."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name",
    ["config.yaml", "secrets/alice", "relay.env", "alice.secret", "relay.db", "relay.db-wal"],
)
def test_secrets_and_notes_are_not_committed(name: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    asked = ["git", "check-ignore", "--quiet", "--no-index", name]
    assert subprocess.run(asked, cwd=tmp_path, check=False).returncode == 0
