"""
The way from the outbox to a sink.

lane      of one sink: claim, carry, settle, save
turn      whose turn it is, where the sink or a message seems to be sick
courier   one attempt: what shares a request is rendered and sent
change    what was told is changed, or taken back
asking    one request, at the sink's pace; ``narrowing``: again, without what the vendor refuses
closing   a sink that refused us, until it is well
press     from a delivery to its message, through the gate once more
"""
