"""What prometheus/ records and alerts of, as tables of the generated pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_PROMETHEUS = Path(__file__).parent.parent / "prometheus"
_LONGEST = 110
"""Characters of an expression that a row of a table holds."""

Row = tuple[str, ...]


def recorded() -> Iterator[tuple[str, list[Row]]]:
    """Yield each file of rules with its series: name, what it is."""
    for path in sorted((_PROMETHEUS / "rules").glob("*.yml")):
        comments = _comments(path)
        rules = _rules(path, "record")
        yield (
            path.name,
            [
                (f"`{rule['record']}`{_fixed(rule)}", _meaning(rule, comment))
                for rule, comment in zip(rules, comments, strict=True)
            ],
        )


def alerts() -> Iterator[tuple[str, list[Row]]]:
    """Yield each file of alerts with its alerts: name, severity, team, for, summary."""
    for path in sorted((_PROMETHEUS / "alerts").glob("*.yml")):
        yield path.name, [_alert_row(rule) for rule in _rules(path, "alert")]


def _alert_row(rule: dict[str, Any]) -> Row:
    name, labels, told = rule["alert"], rule["labels"], rule["annotations"]
    heading = told["runbook_url"].removeprefix("docs/")
    lasting = rule.get("for", "at once")
    return (f"[{name}]({heading})", labels["severity"], labels["team"], lasting, told["summary"])


def _rules(path: Path, kind: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def _comments(path: Path) -> Iterator[str]:
    """Yield what stands right above each `record:`; a section's line ends what belongs to it."""
    above: list[str] = []
    for line in path.read_text().splitlines():
        text = line.strip()
        if text.startswith("# ---"):
            above = []
        elif text.startswith("#"):
            above.append(text.removeprefix("#").strip())
        else:
            if text.startswith("- record:"):
                yield " ".join(above)
            above = []


def _meaning(rule: dict[str, Any], comment: str) -> str:
    expression = re.sub(r"\s+", " ", str(rule["expr"])).strip()
    shown = f"`{expression}`" if len(expression) <= _LONGEST or not comment else ""
    return " ".join(filter(None, (comment, shown))).replace("|", "\\|")


def _fixed(rule: dict[str, Any]) -> str:
    """Return the labels that a rule sets itself: they tell rules of one name apart."""
    labels = ", ".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
    return f" `{{{labels}}}`" if labels else ""
