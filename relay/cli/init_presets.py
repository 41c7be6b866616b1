"""The three things that people set relay up for: what has to be known, and what follows."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only the one who installs can say; ``key`` is that of the sink's settings."""

    key: str
    text: str
    hint: str
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Use:
    """``name`` is also that of the hook, ``sink`` is also the sink's type."""

    name: str
    about: str
    sink: str
    questions: tuple[Question, ...]
    settings: str
    route: str
    menu: str
    """Where Misskey has the form for the webhook."""
    events: str
    """What to tick in that form."""
    remark: str = ""

    @property
    def secret(self) -> str:
        """The key whose answer nobody else may read."""
        return next(one.key for one in self.questions if one.is_secret)


MENTIONS = Use(
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
    url_file: secrets/discord          # the webhook's address: who has it can post there
    #avatar: author                    # the picture of the note's author beside messages
""",
    route="{event: [mention, reply, renote]}",
    menu="as the user whose mentions you want: Settings → Webhooks → Create",
    events="mentioned, replied to, renoted",
)
NOTES = Use(
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
    url_file: secrets/slack            # the webhook's address: who has it can post there
""",
    route="{event: note, visibility: [public, home]}",
    menu="as the user whose notes you want: Settings → Webhooks → Create",
    events="posted a note",
)
REPORTS = Use(
    name="reports",
    about="abuse reports in the moderators' Matrix room",
    sink="matrix",
    questions=(
        Question(
            "homeserver",
            "The homeserver of relay's account, like https://matrix.example",
            "Matrix: make an account for relay",
        ),
        Question(
            "room",
            "The room, like #moderators:matrix.example",
            "It must not be encrypted. Invite the account: it joins by itself",
        ),
        Question(
            "token",
            "The account's access token",
            "Element: All settings → Help & About → Access Token",
            is_secret=True,
        ),
    ),
    settings="""\
    type: matrix
    homeserver: {homeserver}
    room: {room}
    token_file: secrets/matrix         # the account's access token
    moderation: true                   # nobody but moderators reads this room
""",
    route="{event: [abuseReport, abuseReportResolved, inactiveModeratorsWarning]}",
    menu="as an administrator: Control Panel → System Webhooks (older: Webhook) → Create",
    events="abuse report received, abuse report resolved, moderators inactive",
    remark="Before Misskey 2025.1 the webhook must also be a notification recipient, under Abuse\n"
    "Reports: else no report is sent.\n",
)
USES: Mapping[str, Use] = {use.name: use for use in (MENTIONS, NOTES, REPORTS)}

CONFIG = """\
# Written by `relay init`. `relay check` tells all mistakes, and docs/configuration.md all keys.
# Lines like `#key: value` are settings to take the # from.

hooks:
  {hook:<37}# Misskey posts to /hooks/{use.name}
    secret_file: {file:<22}# the same as in Misskey's form
    server: {server:<27}# events of any other server are refused

sinks:
  {use.sink}:
{settings}\
    #visibility: [public, home]        # which notes may be shown; also followers, specified
    #cw: spoiler                       # texts behind a content warning: spoiler, hide or show
    #timezone: Asia/Tokyo              # of those who read here

routes:
  - name: {use.name}
    match: {use.route}
    to: {use.sink}

listen: {listen:<31}# where Misskey, or the web server in front, reaches relay
#locale: en                            # en, ja, ko, zh-Hans, zh-Hant
{outbox}
"""


def config(use: Use, answers: Mapping[str, str], *, listen: str, outbox: str) -> str:
    """The text of a configuration; secrets are in files of their own."""
    written = {key: f'"{answer}"' for key, answer in answers.items() if key != use.secret}
    settings = use.settings.format(**written)
    return CONFIG.format(
        use=use,
        hook=f"{use.name}:",
        file=f"secrets/{use.name}",
        server=written["server"],
        settings=settings,
        listen=listen,
        outbox=outbox,
    )
