"""A vendor as one value: all that relay knows of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from relay.outcome import Cause
from relay.sinks.addresses import Kind
from relay.sinks.base import Payload, Remedy, SinkSettings
from relay.sinks.errors import Answer
from relay.sinks.preview import Usage
from relay.text.tree import Tree

SettingsModel = type[SinkSettings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A value of the vendor's folder; ``relay.sinks.VENDORS`` lists all of them."""

    type: str
    """The ``type`` of its sinks."""
    name: str
    """As people write it."""
    settings: SettingsModel
    preview: Callable[[Payload], Markup]
    """Draws a payload as the chat shows it, as HTML."""
    example: Mapping[str, Any] | None = None
    """The settings of a sink that leads nowhere, for previews; None: there are no previews."""
    markup: Callable[[Tree], str] | None = None
    """Writes a text in the vendor's markup."""
    usage: Callable[[Payload], Sequence[Usage]] = lambda payload: ()
    """How much a payload uses of the vendor's limits."""
    stored_reasons: Mapping[Cause, str] = field(default_factory=dict)
    """Regular expressions that find a cause in a reason: the outbox stores reasons only."""
    remedies: Mapping[Cause, Remedy] = field(default_factory=dict)
    """The fixes of its refusals."""
    addresses: Sequence[tuple[str, Kind]] = ()
    """The kinds of its addresses by regular expressions; the first match counts."""
    tokens: tuple[str, str] | None = None
    """Matches its tokens; and the error for one in another vendor's sink."""
    speaks: Callable[[Answer], bool] | None = None
    """Whether an answer has the form of its own."""

    def sample(self, **settings: Any) -> SinkSettings:
        """A sink that leads nowhere. Raises ValueError if there is no example."""
        if self.example is None:
            raise ValueError(f"{self.name} has no previews")
        return self.settings.model_validate({"type": self.type, **self.example, **settings})
