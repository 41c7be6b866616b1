"""A session lasts while somebody is there, and never longer than half a day."""

import pytest

from relay.admin.session import IDLE, MAX_AGE, MOST, Sessions


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(monotonic=clock)


def test_a_session_is_found_by_its_word_alone(sessions: Sessions) -> None:
    word = sessions.begin()
    assert sessions.find(word) is sessions.find(word) is not None
    assert sessions.find("") is None
    assert sessions.find(f"{word}x") is None
    assert sessions.find("\udcff") is None


def test_no_two_sessions_have_a_word_in_common(sessions: Sessions) -> None:
    assert sessions.begin() != sessions.begin()


def test_it_ends_when_nobody_comes(sessions: Sessions, clock: Clock) -> None:
    word = sessions.begin()
    clock.now += IDLE
    assert sessions.find(word)
    clock.now += IDLE + 1
    assert sessions.find(word) is None
    assert sessions.find(word) is None


def test_it_ends_in_any_case(sessions: Sessions, clock: Clock) -> None:
    word = sessions.begin()
    while clock.now <= MAX_AGE:
        assert sessions.find(word)
        clock.now += IDLE / 2
    assert sessions.find(word) is None


def test_a_page_that_lies_open_keeps_no_session_alive(sessions: Sessions, clock: Clock) -> None:
    word = sessions.begin()
    clock.now += IDLE - 1
    assert sessions.find(word, is_activity=False)
    clock.now += 2
    assert sessions.find(word, is_activity=False) is None


def test_a_session_that_was_left_is_gone(sessions: Sessions) -> None:
    word = sessions.begin()
    session = sessions.find(word)
    assert session is not None
    sessions.end(word)
    sessions.end(word)
    assert sessions.find(word) is None
    assert session.is_over(0.0)  # for a page that lies open and holds it


def test_beyond_the_most_the_one_goes_that_was_longest_unseen(
    sessions: Sessions, clock: Clock
) -> None:
    words = []
    for _ in range(MOST):
        clock.now += 0.001
        words.append(sessions.begin())
    assert sessions.find(words[0])
    newest = sessions.begin()
    assert [word for word in (*words, newest) if sessions.find(word) is None] == [words[1]]
