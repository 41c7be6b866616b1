"""
From an event to a message, by a template.

templates   selects the template of an event and renders its blocks
sandbox     Jinja without access to Python, bounded in its work
expression  a route's ``when``
markup      the HTML subset that templates write, to the tree
blocks      the blocks of a template, put together to a message
rich        texts that keep their author's server
problem     a mistake in a template, as a value
jinja       all that relay relies on in Jinja without its documentation's promise
"""
