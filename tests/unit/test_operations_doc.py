"""The page on operations, the dashboard and the alerts tell of all that there is."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from relay.monitoring.metrics import OUTCOMES, Metrics
from relay.monitoring.sink_status import SinkState, SinkStatus
from tests.unit.test_docs import PAGES, blocks, spans

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "deploy" / "grafana.json").read_text(encoding="utf-8"))
ALERTS = ROOT / "deploy" / "alerts.yaml"
OTHERS = {
    "href", "language", "rel",  # HTML's
    "o",  # chmod's
    "sslmode",  # PostgreSQL's
}  # fmt: skip
"""Words before an equals sign that are no keys of the log."""
RULES = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]


def table(head: str) -> set[str]:
    """The first column of the table with this head."""
    _, _, rest = PAGE.partition(f"| {head} |")
    return set(re.findall(r"(?m)^\| `(\w+)` \|", rest.partition("\n\n")[0]))


def logged() -> Iterator[dict[str, Any]]:
    """The fields of each line that the code logs, with their values where those are constant."""
    for file in (ROOT / "relay").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logger."):
                (extra,) = (one.value for one in node.keywords if one.arg == "extra")
                assert isinstance(extra, ast.Dict), ast.unparse(node)
                keys = [ast.literal_eval(key) for key in extra.keys if key is not None]
                yield dict(zip(keys, map(constant, extra.values), strict=True))


def constant(node: ast.expr) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def test_every_key_of_the_log_is_on_the_page_and_no_other() -> None:
    assert table("key") == {key for fields in logged() for key in fields} | {"more"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_key_of_the_log_that_a_page_names_is_one(page: Path) -> None:
    said = "\n".join([*spans(page), *blocks(page, ""), *blocks(page, "sh")])
    keys = set(re.findall(r"(?<![\w$?&-])([a-z_]+)=", said))
    fields = {found.lower() for found in re.findall(r"\bRELAY_([A-Z_]+)=", said)}
    assert keys | fields <= table("key") | OTHERS
    assert set(re.findall(r"\baction=(\w+)", said)) <= table("action")


def test_every_line_of_the_log_has_an_action_and_the_page_has_them_all() -> None:
    assert table("action") == {fields["action"] for fields in logged()}


def test_every_outcome_is_on_the_page() -> None:
    assert [it.__name__ for it in OUTCOMES if f"`{it.__name__}`" not in PAGE] == []


@pytest.fixture(scope="module")
def families() -> dict[str, set[str]]:
    """The names under which each metric is written."""
    metrics = Metrics(kinds=())
    metrics.add_sink("team")
    status = SinkStatus(name="team", state=SinkState.OK)
    text, _ = metrics.render(is_ready=True, statuses=[status], now=0)
    names = re.findall(r"(?m)^# TYPE (relay_\w+) (\w+)$", text.decode())
    ends = {"histogram": ("_bucket", "_sum", "_count")}
    return {
        name: {name + end for end in ends.get(kind, ("",))}
        for name, kind in names
        if not name.endswith("_created")
    }


def test_every_metric_is_on_the_page_and_no_other(families: dict[str, set[str]]) -> None:
    assert table("metric") == set(families)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_metric_that_a_page_names_is_one(page: Path, families: dict[str, set[str]]) -> None:
    named = set(re.findall(r"\brelay_[a-z_]+", page.read_text(encoding="utf-8")))
    # CONTRIBUTING.md adds the first for an example, upgrading.md has the second's new name.
    named -= {"relay_oversized_total", "relay_sink_breaker"}
    assert named <= set().union(families, *families.values())


def expressions() -> list[str]:
    return [one["expr"] for panel in DASHBOARD["panels"] for one in panel["targets"]]


def named(expression: str) -> set[str]:
    return set(re.findall(r"\brelay_\w+", expression))


def test_the_dashboard_shows_every_metric_and_no_other(families: dict[str, set[str]]) -> None:
    shown = {name for expression in expressions() for name in named(expression)}
    assert shown <= set().union(*families.values())
    assert [name for name, written in families.items() if not written & shown] == []


def test_the_alerts_ask_for_metrics_that_there_are(families: dict[str, set[str]]) -> None:
    asked = {name for rule in RULES for name in named(rule["expr"])}
    assert asked <= set().union(*families.values())
    assert asked


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [tuple(panel["gridPos"][key] for key in ("x", "y", "w", "h")) for panel in panels]
    cells = [(x + i, y + j) for x, y, w, h in places for i in range(w) for j in range(h)]
    assert (len(set(cells)), max(x for x, _ in cells)) == (len(cells), 23)
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    known = variables | {"__rate_interval", "__all"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) <= known


@pytest.mark.skipif(shutil.which("promtool") is None, reason="not there")
def test_prometheus_takes_the_alerts_and_what_the_dashboard_asks(tmp_path: Path) -> None:
    rules = [
        {"record": f"asked:{number}", "expr": one.replace("$__rate_interval", "5m")}
        for number, one in enumerate(expressions())
    ]
    asked = tmp_path / "asked.yaml"
    asked.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    for file in (ALERTS, asked):
        subprocess.run(["promtool", "check", "rules", str(file)], check=True, capture_output=True)
