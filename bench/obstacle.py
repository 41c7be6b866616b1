"""What stands in the way where a figure is not what was wanted: found with py-spy and cProfile."""

from collections.abc import Mapping

OBSTACLES: Mapping[str, str] = {
    "accept": (
        "The bare handler takes 0.12 ms of a processor for an event, relay 0.42 ms. On top come, "
        "by py-spy, 0.10 ms to read the event into nouns, 0.10 ms for gates, routes, the line of "
        "the log and the hand-over, and 0.08 ms in the thread that stores; the rest is the same "
        "code of aiohttp, slower for what else passes through the caches. Both threads need the "
        "one lock of the interpreter, so the loop rests for a sixth of the time, and what a batch "
        "holds is answered together: that is the p99. uvloop, aiohttp's low-level server, larger "
        "batches, rarer checkpoints and rarer garbage collection were tried: none gained more "
        "than 5 %. 0.65 leaves 0.18 ms for everything. That takes a second process with a memory "
        "of its own, or answers before an event is read and routed."
    ),
    "end to end": (
        "The script cuts a line of text out of the JSON, and takes 0.28 ms for an event in all. "
        "relay takes more than that to store it (0.42 ms), and 1.3 ms to carry it: of a lane's "
        "time py-spy finds 43 % in the template and its sandbox, 29 % in the layout within the "
        "chat's limits, 9 % in reading the event again, 8 % in the request. A chat takes far less "
        "than what comes through: Discord five messages in two seconds, of up to ten events each. "
        "Compiled with mypyc (text, MFM, markup, layouts and Misskey's objects: all of it builds "
        "but for one literal), relay reads an event 1.5 times and lays it out 1.4 to 1.9 times as "
        "fast, renders it 1.1 times, and needs for all of its way 1.06 to 1.13 times less of the "
        "processor: too little for wheels of each platform and Python."
    ),
    "memory and start": (
        "Python with aiohttp alone takes what stands beside it. pydantic, Jinja, PyYAML, SQLite "
        "and relay's own modules share the rest; all else comes with its first use."
    ),
    "page": "The rounds are short, and this machine has two cores for all that they measure.",
}
"""By the part of the benchmark; where all is reached, nothing is said."""
