"""
What relay tells of what it does.

lines     for people, as JSON, or as entries of systemd's journal
journal   the protocol of that
repeats   failures that repeat are summed up
ending    how attempts ended
"""
