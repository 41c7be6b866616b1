"""
Compares the MFM parser's throughput with the reference's: `python -m bench.mfm [requests.jsonl]`.

Both parse the same texts in turns: the test vectors and, from recorded webhook requests (one JSON
object with a `body` in each line), the notes' texts. Needs node and npm for mfm-js.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from relay.mfm import parse, parse_simple

VECTORS = Path(__file__).parent.parent / "tests" / "samples" / "mfm.jsonl"
ROUNDS = 7
REPEATS = 5
REFERENCE = """
import * as mfm from "mfm-js";
import readline from "node:readline";

const groups = {};
for await (const line of readline.createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.texts) groups[asked.name] = asked.texts;
  const begin = performance.now();
  for (let i = 0; i < asked.repeats; i++)
    for (const { fn, input, opts } of groups[asked.name])
      fn === "parse" ? mfm.parse(input, opts ?? {}) : mfm.parseSimple(input);
  console.log((performance.now() - begin) / 1000);
}
"""

Case = dict[str, Any]


def vectors() -> list[Case]:
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    return [{key: json.loads(line)[key] for key in ("fn", "input", "opts")} for line in lines]


def notes(path: Path) -> list[Case]:
    lines = path.read_text(encoding="utf-8").splitlines()
    bodies = (json.loads(json.loads(line)["body"]) for line in lines if line)
    found = dict.fromkeys(text for body in bodies for text in _texts(body))
    return [{"fn": "parse", "input": text, "opts": None} for text in found]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for text in [value.get("text")] if isinstance(text, str))
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)


def ours(cases: list[Case], repeats: int) -> float:
    begin = time.perf_counter()
    for _ in range(repeats):
        for case in cases:
            if case["fn"] == "parse":
                parse(case["input"], nest_limit=(case["opts"] or {}).get("nestLimit", 20))
            else:
                parse_simple(case["input"])
    return time.perf_counter() - begin


class Reference:
    """mfm-js in a node process that stays, so that it is as warm as we are."""

    def __init__(self, folder: str) -> None:
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "mfm-js@0.26.0"]
        subprocess.run(install, cwd=folder, check=True)
        Path(folder, "reference.mjs").write_text(REFERENCE, encoding="utf-8")
        self.process = subprocess.Popen(
            ["node", "reference.mjs"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def time(self, name: str, repeats: int, texts: list[Case] | None = None) -> float:
        if not self.process.stdin or not self.process.stdout:
            raise RuntimeError("node has no pipes")
        asked = {"name": name, "repeats": repeats, "texts": texts}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


def compare(reference: Reference, name: str, cases: list[Case]) -> tuple[float, float]:
    """Time both in turns, the best of all rounds each."""
    reference.time(name, 1, cases)
    ours(cases, 1)
    rounds = [(ours(cases, REPEATS), reference.time(name, REPEATS)) for _ in range(ROUNDS)]
    return min(mine for mine, _ in rounds), min(theirs for _, theirs in rounds)


def main() -> None:
    if not (shutil.which("node") and shutil.which("npm")):
        sys.exit("node and npm are needed to compare with mfm-js; neither is needed by relay")
    groups = {"vectors": vectors()}
    if len(sys.argv) > 1:
        groups["notes"] = notes(Path(sys.argv[1]))
    print(f"{'texts':10}{'characters':>12}{'relay, c/s':>14}{'mfm-js, c/s':>14}{'ratio':>8}")
    total = [0, 0.0, 0.0]
    with tempfile.TemporaryDirectory() as folder:
        reference = Reference(folder)
        for name, cases in groups.items():
            # As JavaScript counts: in UTF-16 units.
            size = (
                sum(len(case["input"].encode("utf-16-le", "surrogatepass")) // 2 for case in cases)
                * REPEATS
            )
            mine, theirs = compare(reference, name, cases)
            total = [total[0] + size, total[1] + mine, total[2] + theirs]
            _print(name, size, mine, theirs)
        reference.process.terminate()
        reference.process.communicate()
    if len(groups) > 1:
        _print("together", int(total[0]), total[1], total[2])


def _print(name: str, size: int, mine: float, theirs: float) -> None:
    speeds = f"{size / mine:14,.0f}{size / theirs:14,.0f}"
    print(f"{name:10}{size // REPEATS:12,}{speeds}{theirs / mine:8.2f}")


if __name__ == "__main__":
    main()
