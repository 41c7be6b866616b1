"""
Signs of life, for operators and systemd.

pulse    a loop says for how long it may be silent
vigil    whether events can be stored, and no lane is stuck
notify   systemd is told
"""
