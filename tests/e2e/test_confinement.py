"""A relay that serves has given up what it does not need."""

from pathlib import Path

from tests.e2e.process import serving

CONFIG = "listen: 127.0.0.1:0\nhooks: {alice: {secret: s3cret}}\n"


def fields(text: str) -> dict[str, str]:
    return {key: value.strip() for key, _, value in (it.partition(":") for it in text.splitlines())}


async def test_a_serving_process_cannot_gain_rights_dump_memory_or_open_files_to_others(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, CONFIG) as relay:
        assert relay.process is not None
        process = Path("/proc", str(relay.process.pid))
        status = fields((process / "status").read_text(encoding="utf-8"))
        assert (status["NoNewPrivs"], status["Umask"]) == ("1", "0077")
        limits = (process / "limits").read_text(encoding="utf-8")
        (core,) = [line.split() for line in limits.splitlines() if "core file" in line]
        assert core[4:6] == ["0", "0"]
