"""
The way from the outbox to a sink.

lane      of one sink: claim, carry, settle, save
courier   one attempt: what shares a request is rendered and sent, or changes what was sent
press     from a delivery to its message, through the gate once more
"""
