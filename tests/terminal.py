"""The command line as a fixture; `conftest.py` names it in its plugins."""

import json

import pytest

from relay.cli import main as cli


class Answer:
    """How a command ended, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture
def relay(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> Answer:
        try:
            code = cli.main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Answer(code, *capsys.readouterr())

    return run
