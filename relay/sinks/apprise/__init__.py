"""Apprise: more than a hundred other services (Telegram, Mattermost, ntfy, mail …) by one URL."""

from markupsafe import Markup

from relay.sinks.apprise.settings import AppriseSettings
from relay.sinks.base import Payload
from relay.sinks.vendor import Vendor


def draw(payload: Payload) -> Markup:
    """Draw the text as the library gets it; the look in the service is not known."""
    lines = "\n\n".join(filter(None, (payload["title"], payload["body"])))
    return Markup('<pre class="console">{}</pre>').format(lines)


APPRISE = Vendor(type="apprise", name="Apprise", settings=AppriseSettings, preview=draw)
