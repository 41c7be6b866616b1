"""
What goes wrong in real set-ups: a check is a function from facts to findings.

finding    what a check finds, and the names of all findings
facts      what there is to know of an installation
looking    gathers what this machine tells
asking     gathers what the vendors and the Misskey servers tell
trying     gathers what becomes of probes on the way in
hooks, routes, files, page, outbox, sinks, servers, clocks, way    one check each
examination    all of them
"""
