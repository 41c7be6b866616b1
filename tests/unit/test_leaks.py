"""What listens to the whole suite would hear a leak, wherever it were."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGINNING = """
import logging, subprocess, sys
import pytest
from aiohttp import ClientSession, web
from relay.errors import ConfigError
from relay.monitoring.metrics import Metrics
from relay.model import Note
from relay.secret import Secret

WORD = "what nobody may know"
"""
QUIET = """
def test_what_keeps_it(capsys):
    assert Secret(WORD).reveal() == WORD
    print(Secret(WORD), Note(text="for followers only", visibility="followers"))
    capsys.readouterr()

def test_what_shows_a_note_to_an_operator():
    Note(text="for followers only", visibility="followers")
    print("for followers only")

def test_what_has_the_characters_of_a_text_of_relays():
    Secret("https://misskey.example")
    ConfigError("config.yaml:1:2: should be an address like https://misskey.example")

@pytest.mark.tells_secrets("it says so")
def test_what_may_tell_it():
    Secret(WORD)
    print(WORD)
"""
# Each is the body of a test that fails, and nothing else in it does.
LEAKS = {
    "print": "Secret(WORD); print(WORD)",
    "print_to_stderr": "Secret(WORD); print(WORD, file=sys.stderr)",
    "what_was_captured": "Secret(WORD); print(WORD); capsys.readouterr()",
    "log": "Secret(WORD); logging.getLogger('relay.x').warning('failed: %s', WORD)",
    "field_of_the_log": "Secret(WORD); logging.error('failed', extra={'reason': WORD})",
    "traceback_in_the_log": """Secret(WORD)
    try:
        raise ValueError(WORD)
    except ValueError:
        logging.getLogger('relay').exception('bug')""",
    "characters_outside_of_a_text_of_relays": """
    Secret('be an address')
    ConfigError('should be an address like https://misskey.example: be an address')""",
    "error": "Secret(WORD); ConfigError(f'not {WORD}')",
    "key_of_an_address": "Secret('https://a.example/x/the-key'); print('POST /x/the-key')",
    "process": "Secret(WORD); subprocess.run(['echo', WORD], stdout=subprocess.PIPE, check=True)",
    "file_of_a_process": "Secret(WORD); (tmp_path / 'relay.log').write_text(f'hello {WORD}')",
    "secret_of_a_process": """
    text = f'hooks: {{alice: {{secret: {WORD}}}}}'
    (tmp_path / 'config.yaml').write_text(text)
    print(WORD)""",
    "metrics": """Secret(WORD)
    metrics = Metrics(kinds=())
    metrics.add_sink(WORD)
    metrics.render(is_ready=True, statuses=[], now=0)""",
    "repr": """
    class Holder:
        def __init__(self):
            self.secret = Secret(WORD)
        def __repr__(self):
            return self.secret.reveal()
    Holder.__module__ = 'relay.sinks'
    exec('def send(holder): holder.secret.reveal()', scope := {'__name__': 'relay.sinks'})
    scope['send'](Holder())""",
    "private_note_in_the_log": """
    Note(text='for followers only', visibility='followers')
    logging.getLogger('relay').warning('routed', extra={'text': 'for followers only'})""",
    "private_note_in_an_error": """
    Note(cw='of a direct note', visibility='specified')
    ConfigError('of a direct note')""",
}
ANSWER = """
async def test_answer(aiohttp_server):
    async def answer(request):
        return web.Response(text=request.headers['X-Misskey-Hook-Secret'])
    app = web.Application()
    app.router.add_post('/hooks/alice', answer)
    server = await aiohttp_server(app)
    async with ClientSession() as session:
        headers = {'X-Misskey-Hook-Secret': WORD}
        async with session.post(server.make_url('/hooks/alice'), headers=headers) as found:
            await found.read()
"""


def test_a_leak_fails_its_test_wherever_it_is(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    tests = [f"def test_{name}(capsys, tmp_path):\n    {body}\n" for name, body in LEAKS.items()]
    pytester.makeini("[pytest]\nasyncio_mode = auto")
    pytester.makepyfile("\n".join([BEGINNING, QUIET, *tests, ANSWER]))
    ran = pytester.runpytest_subprocess("-p", "tests.leaks", "-p", "no:cacheprovider")
    ran.assert_outcomes(passed=4 + len(LEAKS) + 1, errors=len(LEAKS) + 1)
    told = re.findall(r"^ERROR \S+::test_(\w+)", ran.stdout.str(), re.MULTILINE)
    assert sorted(told) == sorted([*LEAKS, "answer"])
