"""The settings of one sink's lane, as the workers of ``relay.delivery`` use them."""

from dataclasses import dataclass

from relay.delivery.policy import DeliveryPolicy
from relay.delivery.renderer import Renderer
from relay.sinks.base import Sink


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneConfig:
    """The settings of a lane; the fingerprint changes with any setting of its sink."""

    sink: Sink
    policy: DeliveryPolicy
    renderer: Renderer
    fingerprint: str
