"""
The command line: a module per command, named like it.

main     the table of commands; imports only the one that runs
parser, context, output, event    what commands share: options, the configuration, printing, events
"""
