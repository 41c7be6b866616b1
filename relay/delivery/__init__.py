"""
The way from the outbox to a sink.

lanes       starts and stops the lanes of the sinks that this node owns and that have a backlog
lane        of one sink: claim, send, settle, save
claimer     which deliveries are claimed next, and what earlier attempts have shown of the sink
sender      one attempt: the deliveries of a request are rendered and sent
bounds      what binds a message right before it is sent: later versions of its notes
editor      changes and withdraws messages that were sent before
requester   one request, at the sink's pace, and again without the parts that the vendor refuses
closure     a sink that refused relay: probed until it accepts again
policy      gate, display, retries and pace of one sink; ``lane_config``: with its sink and renderer
renderer    from a delivery to its message, through the gate once more
breaker     when a sink that fails is probed instead of sent to; ``settle``: a delivery's next state
"""
