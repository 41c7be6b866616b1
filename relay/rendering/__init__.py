"""
From an event to a message, by a template.

templates   which template renders an event, and its blocks
sandbox     Jinja, away from Python and bounded in its work; ``expression``: a route's ``when``
markup      the HTML subset that templates write, to the tree
composing   the blocks, put together to a message
"""
