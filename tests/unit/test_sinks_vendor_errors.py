"""The tables of outcomes, a row each: what every vendor's answer means."""

import json
from collections.abc import Callable

import pytest

from relay.outcome import Cause, Closed, Failed, LimitScope, Outcome, RateLimited, Rejected, Sent
from relay.sinks.discord import errors as discord
from relay.sinks.discord.settings import DiscordSettings
from relay.sinks.errors import Answer
from relay.sinks.matrix import errors as matrix
from relay.sinks.slack import errors as slack

Classify = Callable[[Answer | Failed], Outcome]
ALL = [discord.classify, slack.classify_webhook, slack.classify_api, matrix.classify]

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
NONSENSE = ("", "<nonsense", "[]", "null", "{}", '{"error": 5}', '{"code": [], "errcode": {}}')


def coded(status: int, code: int, **rest: object) -> Answer:
    """One of Discord's errors."""
    return Answer(status, text=json.dumps({"code": code, "message": "no", **rest}))


def refused(status: int, code: str, **rest: object) -> Answer:
    """One of Matrix's errors."""
    return Answer(status, text=json.dumps({"errcode": code, "error": "no", **rest}))


def slack_error(word: str, status: int = 200) -> Answer:
    return Answer(status, text=json.dumps({"ok": False, "error": word}))


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599, 408])
@pytest.mark.parametrize("text", ["", HTML, '{"message": "Internal Server Error", "code": 0}'])
def test_after_a_failing_server_nobody_knows(classify: Classify, status: int, text: str) -> None:
    outcome = classify(Answer(status, text=text))
    assert isinstance(outcome, Failed)
    assert outcome.ambiguous


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize("text", NONSENSE)
def test_a_success_that_means_nothing_is_none(classify: Classify, text: str) -> None:
    for status in (200, 202):
        outcome = classify(Answer(status, text=text))
        assert isinstance(outcome, Failed)
        assert outcome.ambiguous


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize("status", [301, 308])
def test_an_address_that_moved_for_good_closes_and_is_told(classify: Classify, status: int) -> None:
    outcome = classify(Answer(status, {"Location": "https://x.example/new"}))
    assert isinstance(outcome, Closed)
    assert "https://x.example/new" in outcome.reason


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_passing_redirect_is_a_failure(classify: Classify, status: int) -> None:
    assert isinstance(classify(Answer(status, {"Location": "https://x.example"})), Failed)


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 410, 418, 421, 422, 425, 451])
@pytest.mark.parametrize(
    "text", ["", HTML, "Not Found", "404 page not found", '{"error": 5}', '{"message": "no"}']
)
def test_who_is_refused_by_somebody_in_between_waits(
    classify: Classify, status: int, text: str
) -> None:
    outcome = classify(Answer(status, text=text))
    assert isinstance(outcome, Failed)
    assert not outcome.ambiguous


OWN = {
    discord.classify: '{"message": "404: Not Found", "code": 0}',
    slack.classify_webhook: "no_service",
    slack.classify_api: '{"ok": false, "error": "invalid_auth"}',
    matrix.classify: '{"errcode": "M_UNRECOGNIZED", "error": "no"}',
}


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize("other", ALL)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_the_words_of_another_vendor_close_until_the_address_is_mended(
    classify: Classify, other: Classify, status: int
) -> None:
    outcome = classify(Answer(status, text=OWN[other]))
    assert not isinstance(outcome, Failed | Sent)
    if classify is not other:
        assert isinstance(outcome, Closed)
        assert outcome.is_lasting
        assert not outcome.is_taken


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize("other", ALL)
@pytest.mark.parametrize("status", [500, 503])
def test_a_failing_server_is_one_in_whatever_words(
    classify: Classify, other: Classify, status: int
) -> None:
    assert isinstance(classify(Answer(status, text=OWN[other])), Failed)


@pytest.mark.parametrize(
    ("classify", "text"),
    [
        (slack.classify_webhook, '{"ok": true}'),
        (discord.classify, '{"ok": true}'),
        (discord.classify, "ok"),
        (matrix.classify, '{"ok": true}'),
        (matrix.classify, "ok"),
        (slack.classify_api, "ok"),
    ],
)
def test_what_another_vendor_took_is_never_repeated(classify: Classify, text: str) -> None:
    outcome = classify(Answer(200, text=text))
    assert isinstance(outcome, Closed)
    assert (outcome.is_taken, outcome.is_lasting) == (True, True)


@pytest.mark.parametrize("classify", ALL)
def test_the_page_of_a_firewall_is_a_limit(classify: Classify) -> None:
    page = "<html><title>Access denied</title>error code: 1015</html>"
    outcome = classify(Answer(429, {"Retry-After": "3600"}, page))
    assert isinstance(outcome, RateLimited)
    assert outcome.pause == 3600


@pytest.mark.parametrize("classify", ALL)
def test_what_never_got_an_answer_stays_what_it_is(classify: Classify) -> None:
    failed = Failed("TimeoutError", ambiguous=True)
    assert classify(failed) is failed


@pytest.mark.parametrize("classify", [discord.classify, slack.classify_api, matrix.classify])
@pytest.mark.parametrize(
    "told",
    [
        pytest.param("\ud800", id="half a character"),
        pytest.param("1\0", id="with a NUL"),
        pytest.param("x" * 100_000, id="of a hundred thousand characters"),
        pytest.param(10**4000, id="a number of four thousand digits"),
        pytest.param(["1"], id="a list"),
    ],
)
def test_an_id_that_could_not_be_kept_is_none(classify: Classify, told: object) -> None:
    body = {"ok": True, "id": "1", "channel": "C1", "ts": "1.5", "event_id": "$1"}
    plain = classify(Answer(200, text=json.dumps(body)))
    assert isinstance(plain, Sent)
    assert plain.message
    keys = {"id", "ts", "event_id"}
    outcome = classify(Answer(200, text=json.dumps(body | dict.fromkeys(keys, told))))
    assert not isinstance(outcome, Sent) or outcome.message == ""


# --- Discord


@pytest.mark.parametrize(
    "answer",
    [
        coded(400, 50035, errors={"embeds": {"0": {"title": {"_errors": [{"code": "LONG"}]}}}}),
        *(coded(400, code) for code in sorted(discord.REJECTED)),
        *(coded(400, code) for code in (0, 30052, 999999)),
        coded(403, 20009),
        coded(413, 40005),
        Answer(413, text=HTML),
    ],
    ids=str,
)
def test_discord_rejects_messages(answer: Answer) -> None:
    assert isinstance(discord.classify(answer), Rejected)


@pytest.mark.parametrize(
    "answer",
    [
        *(coded(404, code) for code in (10015, 10003, 10004, 0)),
        coded(401, 50027),
        coded(401, 0),
        *(coded(403, code) for code in (50013, 50001, 40333, 999999)),
        *(coded(400, code) for code in sorted(discord.CLOSED)),
    ],
    ids=str,
)
def test_discord_closes(answer: Answer) -> None:
    outcome = discord.classify(answer)
    assert isinstance(outcome, Closed)
    assert not outcome.is_lasting


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (220001, "thread_name"),
        (220002, "thread_id"),
        (220003, "thread_name"),
        (220004, "/slack"),
        (40058, "thread_name"),
        (40066, "tag"),
        (40067, "tags"),
        (10087, "tags"),
        (200001, "thread_name"),
        (50008, "url"),
        (50024, "url"),
    ],
)
def test_what_only_the_settings_can_mend_closes_for_good_and_names_the_key(
    code: int, key: str
) -> None:
    long = coded(400, code, message="no " * 200)
    for answer in (coded(400, code), long):
        outcome = discord.classify(answer)
        assert isinstance(outcome, Closed)
        assert outcome.is_lasting
        assert key in outcome.reason
        assert len(outcome.reason) <= 300


def test_no_code_of_discord_means_two_things() -> None:
    tables = (
        discord.REJECTED, discord.REMOVED, discord.CLOSED, discord.MENDED_BY_SETTINGS,
        discord.LIMITED, discord.OF_ONE_EDIT, discord.FAILED,
    )  # fmt: skip
    codes = [code for table in tables for code in table]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("code", sorted(discord.FAILED))
def test_discord_can_have_trouble_of_its_own(code: int) -> None:
    assert discord.classify(coded(400, code)) == Failed(f"400 {code} no")
    assert discord.classify(coded(503, code)) == Failed(f"503 {code} no", ambiguous=True)


def test_what_somebody_removed_from_discord_is_gone() -> None:
    assert discord.classify(coded(404, 10008)) == Rejected("404 10008 no", is_removed=True)


@pytest.mark.parametrize("code", [30046, 20022])
@pytest.mark.parametrize("status", [400, 403, 429])
def test_a_message_that_is_edited_too_often_waits_alone(code: int, status: int) -> None:
    outcome = discord.classify(coded(status, code, retry_after=600))
    assert outcome == RateLimited(600, LimitScope.MESSAGE)


def test_a_limit_of_discord_is_waited_for_as_long_as_its_longest_word() -> None:
    body = '{"message": "You are being rate limited.", "retry_after": 0.65, "global": false}'
    headers = {"Retry-After": "1", "X-RateLimit-Reset-After": "40.5"}
    assert discord.classify(Answer(429, headers, body)) == RateLimited(40.5)
    assert discord.classify(Answer(429, {"Retry-After": "1"}, body)) == RateLimited(1)
    assert discord.classify(Answer(429, {}, '{"retry_after": 1' + "0" * 400 + "}")).pause > 3600


@pytest.mark.parametrize(
    ("headers", "text", "reach"),
    [
        ({"X-RateLimit-Scope": "user"}, '{"retry_after": 7, "global": false}', LimitScope.SINK),
        ({"X-RateLimit-Scope": "shared"}, '{"retry_after": 7, "global": false}', LimitScope.VENDOR),
        ({"X-RateLimit-Scope": "global"}, '{"retry_after": 7, "global": true}', LimitScope.VENDOR),
        ({}, '{"retry_after": 7, "global": true}', LimitScope.VENDOR),
        ({"Retry-After": "7"}, "<html>error code: 1015</html>", LimitScope.VENDOR),
    ],
)
def test_what_is_not_the_limit_of_one_webhook_meets_all(
    headers: dict[str, str], text: str, reach: LimitScope
) -> None:
    assert discord.classify(Answer(429, headers, text)) == RateLimited(7, reach)


def test_sinks_of_one_discord_are_banned_together() -> None:
    one, other, compatible = (
        DiscordSettings(type="discord", url=f"https://{place}")
        for place in (
            "discord.com/api/webhooks/1/a",
            "discord.com/api/webhooks/2/b",
            "x.example/webhooks/1/c",
        )
    )
    assert one.vendor_key == other.vendor_key != compatible.vendor_key
    assert one.pace_key != other.pace_key


@pytest.mark.parametrize("code", [20016, 20028, 40062])
def test_slowmode_is_a_limit_whatever_its_status(code: int) -> None:
    assert discord.classify(coded(400, code, retry_after=12)) == RateLimited(12)


def test_discord_asks_for_a_rest_before_the_first_refusal() -> None:
    sent = '{"id": "1"}'
    left = {"X-RateLimit-Remaining": "1", "X-RateLimit-Reset-After": "1.9"}
    assert discord.classify(Answer(200, left, sent)) == Sent(message="1")
    for hint, pause in {"1.9": 1.9, "nan": 5.0, "1e9": 60.0, "0": 0.0}.items():
        none = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": hint}
        assert discord.classify(Answer(200, none, sent)) == Sent(pause, "1")
    assert discord.classify(Answer(204)) == Sent()


def test_the_words_of_discord_name_the_field() -> None:
    tree = {"embeds": {"0": {"title": {"_errors": [{"code": "BASE_TYPE_MAX_LENGTH"}]}}}}
    outcome = discord.classify(coded(400, 50035, errors=tree))
    assert outcome == Rejected("400 50035 no embeds.0.title: BASE_TYPE_MAX_LENGTH")


@pytest.mark.parametrize(
    "errors", [[], 5, {"a": 5}, {"_errors": 5}, {"_errors": [5]}, {"a": {"b": {"c": []}}}]
)
def test_strange_errors_are_no_bug(errors: object) -> None:
    assert isinstance(discord.classify(coded(400, 50035, errors=errors)), Rejected)


# --- Slack


def test_only_ok_is_ok() -> None:
    assert slack.classify_webhook(Answer(200, text="ok\n")) == Sent()
    assert slack.classify_api(Answer(200, text='{"ok": true, "ts": "1.2"}')) == Sent()
    told = Answer(200, text='{"ok": true, "channel": "C1", "ts": "1.2"}')
    assert slack.classify_api(told) == Sent(message="C1/1.2")


@pytest.mark.parametrize(
    "word", ["invalid_payload", "no_text", "invalid_blocks", "too_many_attachments", "anything"]
)
def test_a_webhook_rejects_messages(word: str) -> None:
    assert slack.classify_webhook(Answer(400, text=word)) == Rejected(f"400 {word}")


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (403, "action_prohibited"),
        (403, "invalid_token"),
        (403, "posting_to_general_channel_denied"),
        (404, "channel_not_found"),
        (404, "no_service"),
        (404, "no_team"),
        (404, "no_active_hooks"),
        (410, "channel_is_archived"),
    ],
)
def test_a_webhook_closes(status: int, word: str) -> None:
    assert slack.classify_webhook(Answer(status, text=word)) == Closed(f"{status} {word}")


@pytest.mark.parametrize("word", sorted(slack.CLOSED_HOOKS))
def test_a_webhook_closes_for_its_words_whatever_their_status(word: str) -> None:
    for status in (400, 403, 404, 410):
        assert slack.classify_webhook(Answer(status, text=word)) == Closed(f"{status} {word}")


@pytest.mark.parametrize("word", ["message_not_found", "cant_update_message"])
def test_what_somebody_removed_from_slack_is_gone(word: str) -> None:
    outcome = slack.classify_api(slack_error(word))
    assert isinstance(outcome, Rejected)
    assert outcome.is_removed


@pytest.mark.parametrize(
    "word",
    [
        "no_text",
        "msg_too_long",
        "msg_blocks_too_long",
        "too_many_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_post_type",
        "json_not_object",
        "markdown_text_conflict",
        "metadata_too_large",
        "metadata_must_be_sent_from_app",
    ],
)
def test_the_api_rejects_messages(word: str) -> None:
    for status in (200, 400):
        assert isinstance(slack.classify_api(slack_error(word, status)), Rejected)


@pytest.mark.parametrize(
    "word",
    [
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "no_permission",
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "missing_scope",
        "access_denied",
        "ekm_access_denied",
        "nobody has heard of this one",
    ],
)
def test_the_api_closes_for_every_other_word(word: str) -> None:
    outcome = slack.classify_api(slack_error(word))
    assert isinstance(outcome, Closed)
    assert word in outcome.reason


@pytest.mark.parametrize(
    "word",
    ["internal_error", "fatal_error", "request_timeout", "service_unavailable",
     "team_added_to_org"],
)  # fmt: skip
def test_the_api_fails(word: str) -> None:
    outcome = slack.classify_api(slack_error(word))
    assert isinstance(outcome, Failed)
    assert outcome.ambiguous


def test_limits_of_slack() -> None:
    after = {"Retry-After": "30"}
    assert slack.classify_webhook(Answer(429, after, "rate_limited")) == RateLimited(30)
    for word in ("ratelimited", "rate_limited"):
        text = slack_error(word).text
        assert slack.classify_api(Answer(429, after, text)) == RateLimited(30)
        assert slack.classify_api(Answer(200, {}, text)) == RateLimited(5)
    assert slack.classify_api(slack_error("message_limit_exceeded")) == RateLimited(600)


# --- Matrix


def test_an_event_id_is_sent() -> None:
    assert matrix.classify(Answer(200, text='{"event_id": "$1"}')) == Sent(message="$1")


@pytest.mark.parametrize(
    "answer",
    [
        refused(413, "M_TOO_LARGE"),
        *(refused(400, code) for code in ("M_BAD_JSON", "M_NOT_JSON", "M_UNKNOWN")),
        *(refused(400, code) for code in ("M_INVALID_PARAM", "M_MISSING_PARAM")),
    ],
    ids=str,
)
def test_a_homeserver_rejects_messages(answer: Answer) -> None:
    assert isinstance(matrix.classify(answer), Rejected)


@pytest.mark.parametrize(
    "answer",
    [
        *(refused(401, code) for code in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN")),
        *(refused(403, code) for code in ("M_FORBIDDEN", "M_USER_DEACTIVATED", "M_USER_LOCKED")),
        *(refused(403, code) for code in ("M_USER_SUSPENDED", "M_GUEST_ACCESS_FORBIDDEN")),
        *(refused(404, code) for code in ("M_NOT_FOUND", "M_UNRECOGNIZED")),
    ],
    ids=str,
)
def test_a_homeserver_closes(answer: Answer) -> None:
    outcome = matrix.classify(answer)
    assert isinstance(outcome, Closed)
    assert str(answer.code("errcode")) in outcome.reason


def test_limits_of_a_homeserver() -> None:
    after = {"Retry-After": "5"}
    limited = refused(429, "M_LIMIT_EXCEEDED", retry_after_ms=4619)
    assert matrix.classify(Answer(429, after, limited.text)) == RateLimited(4.619)
    assert matrix.classify(Answer(429, after, refused(429, "M_LIMIT_EXCEEDED").text)).pause == 5
    for code in ("M_RESOURCE_LIMIT_EXCEEDED", "M_USER_LIMIT_EXCEEDED"):
        assert matrix.classify(refused(403, code)) == RateLimited(3600)


@pytest.mark.parametrize("wanted", [10**400, 1e300, float("inf")])
def test_an_endless_limit_of_a_homeserver_is_six_hours(wanted: float) -> None:
    answer = refused(429, "M_LIMIT_EXCEEDED", retry_after_ms=wanted)
    assert matrix.classify(answer) == RateLimited(6 * 3600)


@pytest.mark.parametrize("wanted", [float("nan"), -5, -(10**400), "soon", None, [], True])
def test_a_limit_that_is_no_number_is_a_short_one(wanted: object) -> None:
    answer = refused(429, "M_LIMIT_EXCEEDED", retry_after_ms=wanted)
    assert matrix.classify(answer) == RateLimited(5)


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        *(
            (discord.classify(coded(400, code)), cause)
            for code, cause in {**discord.CAUSES, 50035: Cause.MESSAGE, 50009: None}.items()
        ),
        (discord.classify(coded(401, 0)), Cause.TOKEN),
        (discord.classify(coded(401, 40001)), Cause.TOKEN),
        *((slack.classify_api(slack_error(word)), cause) for word, cause in slack.CAUSES.items()),
        *(
            (slack.classify_webhook(Answer(403, text=word)), cause)
            for word, cause in slack.CAUSES.items()
        ),
        (slack.classify_api(slack_error("msg_too_long")), Cause.MESSAGE),
        (slack.classify_api(slack_error("ekm_access_denied")), None),
        (slack.classify_webhook(slack_error("no_text")), Cause.WORKFLOW),
        (slack.classify_api(Answer(404, text="no_service")), Cause.ELSEWHERE),
        *((matrix.classify(refused(403, code)), cause) for code, cause in matrix.CAUSES.items()),
        (matrix.classify(refused(400, "M_BAD_JSON")), Cause.MESSAGE),
        (matrix.classify(refused(403, "M_UNKNOWN")), Cause.RIGHT),
    ],
)
def test_a_refusal_carries_the_cause_that_its_code_names(
    outcome: Failed | Rejected | Closed, cause: Cause | None
) -> None:
    assert outcome.cause is cause


@pytest.mark.parametrize("classify", ALL)
@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer(502, text=HTML), Cause.SICK),
        (Answer(404, text=HTML), Cause.NO_API),
        (Answer(301, text=HTML), Cause.NO_API),
        (Answer(301, {"Location": "https://x.example/"}), Cause.MOVED),
        (Answer(413, text=HTML), Cause.MESSAGE),
        (Answer(401, text=HTML), None),
    ],
)
def test_without_a_code_the_status_names_the_cause(
    classify: Classify, answer: Answer, cause: Cause | None
) -> None:
    outcome = classify(answer)
    assert isinstance(outcome, Failed | Rejected | Closed)
    assert outcome.cause is cause


def test_a_moved_address_comes_before_the_cause_of_a_code() -> None:
    moved = Answer(301, {"Location": "/"}, refused(301, "M_FORBIDDEN").text)
    outcome = matrix.classify(moved)
    assert isinstance(outcome, Closed)
    assert outcome.cause is Cause.MOVED
