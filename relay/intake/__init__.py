"""
From a webhook to a committed event.

server         the HTTP server: authenticates, parses, answers
acceptance     routes, gates, and one commit per event; wakes the lanes
backlog_limit  refuses events while too many deliveries wait
replay         delivers a stored event again
"""
