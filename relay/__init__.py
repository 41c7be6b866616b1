"""
relay turns Misskey's webhooks into messages on Discord, Slack and Matrix.

The folders, in the order in which an event passes them:

intake      the HTTP server stores events, the router decides which sinks get them
polling     asks Misskey's API for events that no webhook brought
misskey     Misskey's webhooks: the secret, the kinds of events, the objects in a body
routing     which sinks want an event (routes) and which may show it (gates)
outbox      the durable queue, on SQLite or PostgreSQL: a 204 is sent after its commit
delivery    one lane per sink: claim, render, send, settle
rendering   sandboxed Jinja templates: from an event to a message
mfm         the parser of Misskey's markup
text        trees of rich text: links, shortening, plain text
sinks       one folder per vendor: layout, markup, requests, the meaning of answers

What surrounds them:

config      the YAML file: settings, checks, diagnostics with line and column
monitoring  metrics, health, the state of sinks, systemd
doctor      finds what is wrong with an installation
admin       the operator's page
log         log lines for people, as JSON, or for journald
app         builds all parts from the configuration, runs, reloads and stops them
cli         one file per command

``model`` has the events, ``outcome`` the ends of attempts, ``errors`` the exceptions, and
``listener`` the sockets. The other modules at the top know nothing of events and sinks.
CONTRIBUTING.md says where each behaviour lives.
"""
