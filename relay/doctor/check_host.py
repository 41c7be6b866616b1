"""Who else on the machine can read what is secret, or change what relay believes."""

from collections.abc import Iterator, Mapping
from statistics import median

from relay.config import Config
from relay.doctor.facts import Disk, Facts, File, Stock
from relay.doctor.findings import Finding, advice, wrong
from relay.outbox.lifecycle import SHORTEST


def check_files(facts: Facts) -> Iterator[Finding]:
    for file in facts.files:
        yield from about_file(file)


def about_file(file: File) -> Iterator[Finding]:
    """What is wrong with one file."""
    where = str(file.path)
    if file.is_readable and file.holds is not None:
        what = f"it holds {file.holds}, and every user of this machine can read it"
        yield wrong("file-readable", where, what, f"chmod o= {where}")
    if file.is_writable:
        what = "every user of this machine can change it"
        yield wrong("file-writable", where, what, f"chmod o-w {where}")


MIB = 2**20
FULL = 64 * MIB  # free bytes, with which a burst of events fills the disk
LOW = 512 * MIB
LARGE = 2048 * MIB
# SQLite begins its journal anew at about 4 MB, once nobody reads what is in it:
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
    if facts.stock is not None:
        yield from _stock(facts.stock, facts.config)
    if facts.config.retention < SHORTEST:
        what = "what was delivered is kept for an hour all the same, to know what comes twice"
        yield advice("retention-short", "retention", what, "make it 1h or longer")


def _disk(disk: Disk) -> Iterator[Finding]:
    where = str(disk.path)
    if not disk.has_folder:
        what = "the folder for it is not there: relay cannot start"
        yield wrong("outbox-folder-missing", where, what, f"mkdir -p -m 700 {disk.path.parent}")
    elif disk.outbox is None:
        what = "there is no such outbox yet; a relay that runs already uses another"
        remedy = "run relay serve; or write outbox: sqlite:/the/whole/path of the one it uses"
        yield advice("outbox-missing", where, what, remedy)
    if finding := _file_system(where, disk.kind):
        yield finding
    if disk.free < LOW:
        tell = wrong if disk.free < FULL else advice
        what = f"its disk has {disk.free // MIB} MiB left"
        yield tell("disk-low", where, what, "make room: a full disk refuses events")
    if disk.journal > LARGE_JOURNAL:
        what = f"its journal ({where}-wal) has grown to {disk.journal // MIB} MiB"
        remedy = "end other programs that hold the outbox open, then start relay again"
        yield advice("journal-large", where, what, remedy)
    if (disk.outbox or 0) > LARGE:
        what = f"it has {(disk.outbox or 0) // MIB} MiB"
        yield advice(
            "outbox-large", where, what, "set a shorter retention; dead letters count, too"
        )


def _file_system(where: str, kind: str) -> Finding | None:
    if kind in VOLATILE:
        what = f"it lies in memory ({kind}): the next start of the machine loses what waits"
        return wrong("outbox-volatile", where, what, "put it on a disk, like /var/lib/relay")
    if kind in NETWORK:
        what = f"it lies on a network file system ({kind}), on which SQLite's journal breaks"
        return wrong("outbox-network", where, what, "put it on a disk of this machine")
    if kind in LAYERS:
        what = f"it lies in a container's own layer ({kind}), which goes with the container"
        return advice("outbox-layer", where, what, "put it on a volume")
    return None


def _stock(stock: Stock, config: Config) -> Iterator[Finding]:
    if stock.problem is not None:
        remedy = "run doctor as relay's user, or as root"
        yield wrong("outbox-unusable", config.outbox, stock.problem, remedy)
    for closed in stock.closed:
        if closed.name in config.sinks:
            remedy = f"put it right, then run relay sinks resume {closed.name}"
            what = f"closed since it refused us: {closed.reason}"
            yield wrong("sink-closed", f"sink {closed.name}", what, remedy)
    yield from _deliveries(stock.counts, config)


def _deliveries(counts: Mapping[tuple[str, str], int], config: Config) -> Iterator[Finding]:
    for (sink, state), number in sorted(counts.items()):
        where = f"sink {sink}"
        if state == "dead":
            what = f"{number} dead: messages that were given up"
            remedy = f"relay dead list --sink {sink} tells why; revive or drop them"
            yield advice("deliveries-dead", where, what, remedy)
        if state == "pending" and sink not in config.sinks:
            what = f"{number} wait for it, and it is not in the configuration"
            remedy = f"put it back under its name, and they go out; or relay sinks give-up {sink}"
            yield wrong("deliveries-orphaned", where, what, remedy)


APART = 30.0  # seconds; answers tell whole seconds, and take some


def check_clocks(facts: Facts) -> Iterator[Finding]:
    # One other clock may be wrong itself; of several the middle one is right.
    ahead = median(facts.clocks.values()) if facts.clocks else 0.0
    if abs(ahead) > APART:
        side = "behind" if ahead > 0 else "ahead of"
        what = f"its clock is {abs(ahead):.0f} seconds {side} {', '.join(sorted(facts.clocks))}"
        yield wrong("clock-wrong", "this machine", what, "timedatectl set-ntp true")
