"""Brings what the suite needs into this environment, if it is not there yet, and starts it."""

import importlib.util
import subprocess
import sys

from bench import ROOT

NEEDED = ("psutil", "matplotlib")

if any(importlib.util.find_spec(name) is None for name in NEEDED):
    print("installing the extra named bench ...")
    subprocess.run([sys.executable, "-m", "pip", "install", "-qe", f"{ROOT}[bench]"], check=True)

suite = importlib.import_module("bench.suite")
sys.exit(suite.main())
