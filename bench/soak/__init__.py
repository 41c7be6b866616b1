"""
Half an hour of everything failing: ``python -m bench.soak --minutes 30``.

Events come in all the time, at the real process. Its chats are slow, fail before and after they
have stored, limit it, are away for a while. In the first half of the time it is also killed and
ended now and then; in the second it lives on, so that what leaks shows. Then the sky clears, and
what went in must have come out: each event at each chat, and twice only where an answer was lost.

weather       what happens to a chat
mishap        what happens to the process
gauge         the memory and the file of the process, and whether they grow
census        what went in and what came out
"""
