"""
Log lines: for people, as JSON, or as entries of systemd's journal.

setup     handlers and formats
journald  the protocol of the journal
throttle  sums up failures that repeat
"""
