"""Apprise: more than a hundred other services (Telegram, Mattermost, ntfy, mail …) by one URL."""

from markupsafe import Markup

from relay.sinks.apprise.settings import AppriseSettings
from relay.sinks.base import Payload
from relay.sinks.vendor import Vendor


def draw(payload: Payload) -> Markup:
    """The text as it is handed to the library: what the service makes of it is not known."""
    lines = "\n\n".join(filter(None, (payload["title"], payload["body"])))
    return Markup('<pre class="console">{}</pre>').format(lines)


APPRISE = Vendor(type="apprise", name="Apprise", settings=AppriseSettings, preview=draw)
