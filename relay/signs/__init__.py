"""
Signs of life, for operators and systemd.

pulse     a loop says for how long it may be silent
vigil     whether events can be stored, and no lane is stuck
standing  whether a sink is sent to, and what waits for it
uncounted metrics that nobody can ask for
notify    systemd is told
"""
