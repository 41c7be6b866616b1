"""
The operator's page and its metrics and health checks, on a listener of their own.

app          routes and middlewares
auth         the password opens a session; ``session``: sessions, and limits against guessing
security     rejects requests that a foreign page makes a browser send
deliveries, dead_letters, sinks, playground, configuration    a page each, with its template
events       events with their deliveries; ``why``: the reason for a wait; ``summary``: a line
attention    the sinks that need somebody
search       the filter of the list of deliveries
live         server-sent events for open pages; ``parts``: what of a page they replace
templating   HTML by Jinja; ``times``; ``reason``: the meaning of vendors' errors
context      the parts of the running relay that pages read and change
"""
