"""
Decides where an event goes. Pure.

match   the routes: which sinks get an event
index   finds the routes that an event can match, of thousands
gate    what a sink may show of an event
"""
