"""The presets of ``relay init``: their questions, and the configuration that they write."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the operator; ``key`` is the key among the sink's settings."""

    key: str
    text: str
    hint: str
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Preset:
    """A purpose; ``name`` is also the hook's name, ``sink`` is also the sink's type."""

    name: str
    about: str
    sink: str
    questions: tuple[Question, ...]
    settings: str
    route: str
    menu: str
    """The place of the webhook's form in Misskey."""
    events: str
    """The events to select in that form."""
    remark: str = ""
    login: tuple[Question, ...] = ()
    """The questions in place of the secret, where relay can log in itself."""

    @property
    def secret(self) -> str:
        """The key of the secret answer."""
        return next(question.key for question in self.questions if question.is_secret)


MENTIONS = Preset(
    name="mentions",
    about="my mentions, replies and renotes in a Discord channel",
    sink="discord",
    questions=(
        Question(
            "url",
            "The webhook's URL",
            "Discord: the channel's settings → Integrations → Webhooks → New Webhook → Copy "
            "Webhook URL",
            is_secret=True,
        ),
    ),
    settings="""\
    type: discord
    url_file: secrets/discord          # the webhook's address: a secret
    #avatar: author                    # the picture of the note's author next to messages
""",
    route="{event: [mention, reply, renote]}",
    menu="as the user whose mentions you want: Settings → Webhooks → Create",
    events="mentioned, replied to, renoted",
)
NOTES = Preset(
    name="notes",
    about="our notes, mirrored to a Slack channel",
    sink="slack",
    questions=(
        Question(
            "url",
            "The webhook's URL",
            "Slack: api.slack.com/apps → Create New App → From scratch → Incoming Webhooks → "
            "switch on → Add New Webhook to Workspace",
            is_secret=True,
        ),
    ),
    settings="""\
    type: slack
    url_file: secrets/slack            # the webhook's address: a secret
""",
    route="{event: note, visibility: [public, home]}",
    menu="as the user whose notes you want: Settings → Webhooks → Create",
    events="posted a note",
)
REPORTS = Preset(
    name="reports",
    about="abuse reports in the moderators' Matrix room",
    sink="matrix",
    questions=(
        Question(
            "homeserver",
            "The homeserver of relay's account, like https://matrix.example",
            "Matrix: create an account that only relay uses",
        ),
        Question(
            "room",
            "The room, like #moderators:matrix.example",
            "It may be encrypted. Invite the account, which then joins by itself",
        ),
        Question(
            "token",
            "The account's access token",
            "`relay matrix login` gets one, with the keys for encrypted rooms",
            is_secret=True,
        ),
    ),
    login=(
        Question("user", "The account's name, like relay", ""),
        Question("password", "Its password", "It is used once and never stored", is_secret=True),
    ),
    settings="""\
    type: matrix
    homeserver: {homeserver}
    room: {room}
    token_file: secrets/matrix         # the account's access token
    {keys}keys_file: secrets/matrix-keys     # of the same session: for encrypted rooms
    moderation: true                   # only moderators read this room
""",
    route="{event: [abuseReport, abuseReportResolved, inactiveModeratorsWarning]}",
    menu="as an administrator: Control Panel → System Webhooks (older: Webhook) → Create",
    events="abuse report received, abuse report resolved, moderators inactive",
    remark="Before Misskey 2025.1 the webhook must also be a notification recipient, under Abuse\n"
    "Reports: otherwise no report is sent.\n",
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in (MENTIONS, NOTES, REPORTS)}

CONFIG = """\
# Written by `relay init`. `relay check` reports every problem; docs/configuration.md has all keys.
# To use a line like `#key: value`, remove the #.

hooks:
  {hook:<37}# Misskey posts to /hooks/{preset.name}
    secret_file: {file:<22}# the same as in Misskey's form
    server: {server:<27}# events of other servers are refused

sinks:
  {preset.sink}:
{settings}\
    #visibility: [public, home]        # notes that may be shown; also followers, specified
    #cw: spoiler                       # texts behind a content warning: spoiler, hide or show
    #timezone: Asia/Tokyo              # of the readers

routes:
  - name: {preset.name}
    match: {preset.route}
    to: {preset.sink}

listen: {listen:<31}# for Misskey, or the web server in front
#locale: en                            # en, ja, ko, zh-Hans, zh-Hant
{outbox}
"""


def config(preset: Preset, answers: Mapping[str, str], *, listen: str, outbox: str) -> str:
    """The text of a configuration, with its secrets in files of their own."""
    secrets = {preset.secret, "keys"}
    quoted = {key: f'"{answer}"' for key, answer in answers.items() if key not in secrets}
    keys = "" if "keys" in answers else "#"
    settings = preset.settings.format(**quoted | {"keys": keys})
    return CONFIG.format(
        preset=preset,
        hook=f"{preset.name}:",
        file=f"secrets/{preset.name}",
        server=quoted["server"],
        settings=settings,
        listen=listen,
        outbox=outbox,
    )
