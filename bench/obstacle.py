"""What stands in the way where a figure is not what was wanted: found with py-spy and cProfile."""

from collections.abc import Mapping

OBSTACLES: Mapping[str, str] = {
    "accept": (
        "The bare handler needs one thread, relay two: one that answers and one that stores, and "
        "both need the one lock of the interpreter. Beside what the bare handler does, the loop "
        "reads the event into nouns, asks routes and gates, writes a line of the log and counts, "
        "each of which takes tens of microseconds; so it reaches a quarter of the bare handler. "
        "More would take a second process, with memory of its own, or less in the log."
    ),
    "end to end": (
        "The script cuts a line of text out of the JSON. relay stores each event, claims and "
        "settles each delivery on the disk, renders a template in a sandbox and lays the tree out "
        "within the chat's limits; the last two alone take twice as long as the script in all. A "
        "chat takes far less than what comes through: Discord five messages in two seconds."
    ),
    "memory and start": (
        "Python with aiohttp alone takes what stands beside it. pydantic, Jinja, Babel, RE2, the "
        "tables of grapheme clusters and relay's own modules share the rest about evenly; the "
        "libraries of vendors come only with the first message."
    ),
    "page": "The rounds are short, and this machine has two cores for all that they measure.",
}
"""By the part of the benchmark; where all is reached, nothing is said."""
