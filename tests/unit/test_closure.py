"""When a sink that refused relay is probed again."""

import pytest

from relay.delivery.closure import probe_pause


@pytest.mark.parametrize(
    ("closed_for", "pause"), [(0, 60), (59, 60), (120, 120), (3600, 3600), (10**9, 6 * 3600)]
)
def test_a_closed_sink_is_probed_after_as_long_again_as_it_is_closed(closed_for, pause):
    assert probe_pause(closed_for=closed_for) == pause
    assert probe_pause(closed_for=closed_for, jitter=0.5) == pause / 2
