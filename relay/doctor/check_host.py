"""Checks of this machine: files, the outbox and its disk, the clock."""

from collections.abc import Iterator, Mapping
from statistics import median

from relay.config import Config
from relay.doctor.facts import Disk, Facts, FileAccess, OutboxContents
from relay.doctor.findings import Finding, error, warning
from relay.outbox.lifecycle import MIN_RETENTION


def check_files(facts: Facts) -> Iterator[Finding]:
    for file in facts.files:
        yield from about_file(file)


def about_file(file: FileAccess) -> Iterator[Finding]:
    """Findings on the permissions of one file."""
    where = str(file.path)
    if file.is_readable and file.holds is not None:
        problem = f"it holds {file.holds}, and every user of this machine can read it"
        yield error("file-readable", where, problem, f"chmod o= {where}")
    if file.is_writable:
        problem = "every user of this machine can change it"
        yield error("file-writable", where, problem, f"chmod o-w {where}")


MIB = 2**20
FULL = 64 * MIB  # free bytes that a burst of events uses up
LOW = 512 * MIB
LARGE = 2048 * MIB
# SQLite restarts its journal at about 4 MB, as soon as there is no reader of the old part:
# https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files
LARGE_JOURNAL = 256 * MIB

VOLATILE = {"tmpfs", "ramfs"}
LAYERS = {"overlay", "aufs"}
# WAL needs memory that all its readers share: https://www.sqlite.org/wal.html
NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.rclone", "fuse.s3fs",
}  # fmt: skip


def check_outbox(facts: Facts) -> Iterator[Finding]:
    if facts.disk is not None:
        yield from _disk(facts.disk)
    if facts.contents is not None:
        yield from _contents(facts.contents, facts.config)
    if facts.config.retention < MIN_RETENTION:
        problem = "delivered events are kept for an hour nevertheless, to recognise repetitions"
        yield warning("retention-short", "retention", problem, "make it 1h or longer")


def _disk(disk: Disk) -> Iterator[Finding]:
    where = str(disk.path)
    if not disk.has_folder:
        problem = "its folder does not exist: relay cannot start"
        yield error("outbox-folder-missing", where, problem, f"mkdir -p -m 700 {disk.path.parent}")
    elif disk.outbox is None:
        problem = "it does not exist yet; a running relay uses another one"
        remedy = "run relay serve; or write outbox: sqlite:/absolute/path of the one that it uses"
        yield warning("outbox-missing", where, problem, remedy)
    if finding := _file_system(where, disk.kind):
        yield finding
    if disk.free < LOW:
        report = error if disk.free < FULL else warning
        problem = f"its disk has {disk.free // MIB} MiB left"
        yield report("disk-low", where, problem, "make room: a full disk refuses events")
    if disk.journal > LARGE_JOURNAL:
        problem = f"its journal ({where}-wal) has grown to {disk.journal // MIB} MiB"
        remedy = "stop other programs that have the outbox open, then restart relay"
        yield warning("journal-large", where, problem, remedy)
    if (disk.outbox or 0) > LARGE:
        problem = f"its size is {(disk.outbox or 0) // MIB} MiB"
        yield warning(
            "outbox-large", where, problem, "set a shorter retention; dead letters take space, too"
        )


def _file_system(where: str, kind: str) -> Finding | None:
    if kind in VOLATILE:
        problem = f"it is in memory ({kind}): a restart of the machine loses pending messages"
        return error("outbox-volatile", where, problem, "put it on a disk, like /var/lib/relay")
    if kind in NETWORK:
        problem = f"it is on a network file system ({kind}), on which SQLite's journal breaks"
        return error("outbox-network", where, problem, "put it on a disk of this machine")
    if kind in LAYERS:
        problem = f"it is in a container's own layer ({kind}), which is deleted with the container"
        return warning("outbox-layer", where, problem, "put it on a volume")
    return None


def _contents(contents: OutboxContents, config: Config) -> Iterator[Finding]:
    if contents.problem is not None:
        remedy = "run doctor as relay's user, or as root"
        yield error("outbox-unusable", config.outbox, contents.problem, remedy)
    for closed in contents.closed:
        if closed.name in config.sinks:
            remedy = f"fix that, then run relay sinks resume {closed.name}"
            problem = f"the vendor refused relay: {closed.reason}"
            yield error("sink-closed", f"sink {closed.name}", problem, remedy)
    yield from _deliveries(contents.counts, config)


def _deliveries(counts: Mapping[tuple[str, str], int], config: Config) -> Iterator[Finding]:
    for (sink, state), number in sorted(counts.items()):
        where = f"sink {sink}"
        if state == "dead":
            problem = f"{number} dead letters"
            remedy = f"relay dead list --sink {sink} shows why; revive or drop them"
            yield warning("deliveries-dead", where, problem, remedy)
        if state == "pending" and sink not in config.sinks:
            problem = f"{number} deliveries are pending for it, and it is not in the configuration"
            remedy = f"restore it under its name, and they are sent; or relay sinks give-up {sink}"
            yield error("deliveries-orphaned", where, problem, remedy)


TOLERANCE = 30.0  # seconds; answers have whole seconds, and take some


def check_clocks(facts: Facts) -> Iterator[Finding]:
    # One other clock may be wrong itself; the median of several is right.
    ahead = median(facts.clocks.values()) if facts.clocks else 0.0
    if abs(ahead) > TOLERANCE:
        side = "behind" if ahead > 0 else "ahead of"
        problem = f"its clock is {abs(ahead):.0f} seconds {side} {', '.join(sorted(facts.clocks))}"
        yield error("clock-wrong", "this machine", problem, "timedatectl set-ntp true")
