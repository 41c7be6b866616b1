"""
The operator's page and its metrics and health checks, on a listener of their own.

app          routes and middlewares
auth         the password opens a session; ``session``: sessions, and limits against guessing
security     rejects requests that a foreign page makes a browser send
deliveries, dead_letters, sinks, playground, configuration    a page each, with its template
search       the filter of the list of deliveries; ``summary``: an event in one line
live         server-sent events for open pages
templating   HTML by Jinja; ``reason``: the meaning of vendors' errors
context      the parts of the running relay that pages read and change
"""
