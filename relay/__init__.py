"""
relay turns Misskey's webhooks into messages on Discord, Slack and Matrix.

The modules in the order in which an event passes them:

intake      the HTTP door: hands the bytes of a webhook to ``misskey``, its event to the outbox
misskey     Misskey's wire format: authenticate, parse (no I/O)
routing     which sinks may show an event (gate), which shall (routes), and what they may not see
outbox      the durable queue: an event and its deliveries are committed before Misskey gets its 204
delivery    the lane of one sink: claim, render, send, settle
rendering   sandboxed Jinja: event to blocks to message
mfm         Misskey's markup, to nodes and on to the tree
tree        rich text before markup, and the HTML subset that templates write
message     one rendered event: trees in named places
dialects    tree to the markup of Discord, Slack, Matrix, or plain text
sinks       one vendor's API each: a message goes out, an outcome comes back
retry       what an outcome makes of a delivery (pure)

``model`` has the nouns, ``errors`` and ``secret`` lie below it; ``config`` reads the YAML file,
``watch`` tells operators how relay is (``metrics``, ``vigil``, ``web``, ``notify``), ``logs`` what
it does; ``app`` builds everything, ``cli`` is the command line, ``doctor`` looks for what is wrong.
"""
