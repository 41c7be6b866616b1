"""Who else on the machine can read what is secret, or change what relay believes."""

from collections.abc import Iterator

from relay.doctor.facts import Facts, File
from relay.doctor.finding import Finding, wrong


def check(facts: Facts) -> Iterator[Finding]:
    for file in facts.files:
        yield from about(file)


def about(file: File) -> Iterator[Finding]:
    """What is wrong with one file."""
    where = str(file.path)
    if file.is_readable and file.holds is not None:
        what = f"it holds {file.holds}, and every user of this machine can read it"
        yield wrong("file-readable", where, what, f"chmod o= {where}")
    if file.is_writable:
        what = "every user of this machine can change it"
        yield wrong("file-writable", where, what, f"chmod o-w {where}")
