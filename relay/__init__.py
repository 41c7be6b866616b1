"""
relay turns Misskey's webhooks into messages on Discord, Slack and Matrix.

The modules in the order in which an event passes them:

intake      the HTTP door: hands the bytes of a webhook to ``misskey``, its event to the outbox
misskey     Misskey's wire format: authenticate, parse (no I/O)
acceptance  what becomes of an event: routed, gated, stored with its deliveries, and its lanes woken
table       the routes, found by what they ask for; ``routing`` asks them, and holds the gate
outbox      the durable queue: an event and its deliveries are committed before Misskey gets its 204
crew        which lanes run: those of sinks for which something waits
delivery    the lane of one sink: claim, render and send, settle, save
rendering   sandboxed Jinja: event to blocks to message
mfm         Misskey's markup, to nodes and on to the tree
tree        rich text before markup, and the HTML subset that templates write
message     one rendered event: trees in named places
dialects    tree to the markup of Discord, Slack, Matrix, or plain text
sinks       one vendor's API each: a message goes out, an outcome comes back
retry       what an outcome makes of a delivery, and of the trust in its sink (pure)

``model`` and ``outcome`` have the nouns, ``errors``, ``secret`` and ``unicode`` lie below them;
``config`` reads the YAML file, and ``plan`` is what it makes of all this, ``reload`` takes another;
``watch`` tells operators how relay is (``metrics``, ``signs``, ``web``), ``log`` what it does;
``app`` builds everything, ``cli`` and its ``commands`` are the command line, ``control`` their way
to a relay that runs, ``doctor`` looks for what is wrong. A folder's own first lines tell what is in
it.
"""
