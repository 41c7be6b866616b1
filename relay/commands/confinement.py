"""What a process that serves gives up at its start, however it is started."""

import ctypes
import os
import resource
from contextlib import suppress

PR_SET_NO_NEW_PRIVS = 38  # https://man7.org/linux/man-pages/man2/PR_SET_NO_NEW_PRIVS.2const.html


def confine() -> None:
    """No file for others, no memory in a core dump, no rights from setuid programs."""
    os.umask(0o077)
    with suppress(OSError, ValueError):  # a filter of system calls may have closed that way before
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux alone has it
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
