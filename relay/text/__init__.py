"""
Rich text before a vendor's markup is written.

tree      the nodes; ``message``: trees in named places, all that a sink needs
links     addresses, and labels that could mislead; ``hosts``: names of servers
shorten   cuts trees by grapheme clusters; ``unicode``: properties of characters
flow      flattens a tree into blocks of runs, for markup writers
plain     plain text
"""
