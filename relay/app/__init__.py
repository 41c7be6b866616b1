"""
The whole process.

run      builds the parts, serves until a signal, and stops in order
plan     from a configuration to the settings of each part
reload   puts a changed configuration into effect, all or nothing
polling  the pollers of the hooks with a token
control  the socket by which commands reach the running relay
"""
