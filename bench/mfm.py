"""
The speed of the MFM parser, beside mfm-js, which Misskey itself uses.

Both parse the same texts in turns, our test vectors: mfm-js in a node process that stays, so that
it is as warm as we are. Needs node and npm; relay needs neither.
"""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import ROOT
from bench.figure import Figure, Wanted
from bench.scale import Scale
from relay.mfm import parse, parse_simple

PART = "parts"
NAME = "parse MFM, test vectors"
REFERENCE = "mfm-js@0.26.0"
VECTORS = ROOT / "tests" / "samples" / "mfm.jsonl"
SCRIPT = """
import * as mfm from "mfm-js";
import readline from "node:readline";

let cases = null;
for await (const line of readline.createInterface({ input: process.stdin })) {
  cases ??= JSON.parse(line);
  const begin = performance.now();
  for (const { fn, input, opts } of cases)
    fn === "parse" ? mfm.parse(input, opts ?? {}) : mfm.parseSimple(input);
  console.log((performance.now() - begin) / 1000);
}
"""

Case = dict[str, Any]


def measure(scale: Scale, folder: Path) -> Iterator[Figure]:
    cases = [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]
    size = sum(len(case["input"]) for case in cases)
    if not scale.installs or not (shutil.which("node") and shutil.which("npm")):
        why = (
            "needs node and npm, which fetches it" if scale.installs else "not brought for a trial"
        )
        ours = tuple(size / _seconds(cases) for _ in range(scale.rounds))
        yield Figure(part=PART, name=NAME, unit="characters/s", ours=ours, remark=f"mfm-js: {why}")
        return
    with _reference(folder, cases) as reference:
        rounds = [
            (min(_seconds(cases) for _ in range(3)), min(reference.seconds() for _ in range(3)))
            for _ in range(scale.rounds)
        ]
    yield Figure(
        part=PART,
        name=NAME,
        unit="characters/s",
        ours=tuple(size / mine for mine, _ in rounds),
        beside="mfm-js",
        theirs=tuple(size / theirs for _, theirs in rounds),
        wanted=Wanted("≥", 2.0),
    )


def _seconds(cases: list[Case]) -> float:
    begin = time.perf_counter()
    for case in cases:
        if case["fn"] == "parse":
            parse(case["input"], nest_limit=(case["opts"] or {}).get("nestLimit", 20))
        else:
            parse_simple(case["input"])
    return time.perf_counter() - begin


class _Reference:
    def __init__(self, process: subprocess.Popen[str], cases: list[Case]) -> None:
        self._process = process
        self._ask(json.dumps(cases))

    def seconds(self) -> float:
        return self._ask("")

    def _ask(self, line: str) -> float:
        if not self._process.stdin or not self._process.stdout:
            raise RuntimeError("node has no pipes")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextmanager
def _reference(folder: Path, cases: list[Case]) -> Iterator[_Reference]:
    place = folder / "mfm-js"
    place.mkdir()
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", REFERENCE]
    subprocess.run(install, cwd=place, check=True, timeout=300)
    (place / "reference.mjs").write_text(SCRIPT, encoding="utf-8")
    with subprocess.Popen(
        ["node", "reference.mjs"],
        cwd=place,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield _Reference(process, cases)
        process.terminate()
