"""
relay turns Misskey's webhooks into messages on Discord, Slack and Matrix.

The modules in the order in which an event passes them:

intake      the HTTP door: hands the bytes of a webhook to ``misskey``, its event to the outbox
misskey     Misskey's wire format: authenticate, parse (no I/O)
acceptance  what becomes of an event: routed, gated, stored with its deliveries, and its lanes woken
table       the routes, found by what they ask for; ``routing`` asks them, and holds the gate
sibling     which events tell of the same, and which of a later version of it
outbox      the durable queue: an event and its deliveries are committed before Misskey gets its 204
crew        which lanes run: those of sinks for which something waits
delivery    the lane of one sink: claim, carry, settle, save; ``line`` is the order in which it goes
courier     one attempt: what shares a request is rendered and sent, or changes what was sent
press       from a delivery to its message, through the gate once more
rendering   sandboxed Jinja: event to blocks to message
mfm         Misskey's markup, to nodes and on to the tree
tree        rich text before markup, and the HTML subset that templates write
message     one rendered event: trees in named places
dialects    tree to the markup of Discord, Slack, Matrix, or plain text
sinks       one vendor's API each: a message goes out, an outcome comes back
retry       what an outcome makes of a delivery, and of the trust in its sink (pure)
retention   what was settled long ago is forgotten, in small steps

``model`` has the nouns, ``errors`` and ``secret`` lie below it; ``config`` reads the YAML file,
``watch`` tells operators how relay is (``metrics``, ``vigil``, ``web``, ``notify``), ``logs`` what
it does; ``app`` builds everything, ``cli`` is the command line, ``control`` its way to a relay that
runs, ``doctor`` looks for what is wrong.
"""
