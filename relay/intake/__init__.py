"""
From a webhook to deliveries: an event is stored first, and routed after its answer.

server         the HTTP server: authenticates, opens the envelope, answers
acceptance     commits an event to the journal
backlog_limit  refuses events while too much waits
router         takes the journal in order, stores deliveries, wakes the lanes
rules          decides which sinks get an event
replay         delivers a stored event again
"""
