"""XIDs wake whom they should: each is of one tier, on the page as in the alerts."""

import re

import yaml

from demo.stack import ROOT
from exporter.node.told import CRITICAL_XIDS
from grafana.builders.xids import XIDS

TIERS = ("GpuXidCritical", "GpuXidLink", "GpuXidWarning", "GpuXidApplication")


def test_the_page_of_xids_lists_what_alerts_are_made_of() -> None:
    """Each tier of the page has exactly the codes that its alert matches."""
    assert _matched() == {tier: codes for tier, codes in _listed().items() if tier in TIERS}


def test_an_xid_is_of_one_tier() -> None:
    """No code is listed twice, on the page or by the alerts."""
    codes = [code for tier in _listed().values() for code in tier]

    assert sorted(set(codes)) == sorted(codes)


def test_dashboards_colour_an_xid_by_its_tier() -> None:
    """Red is what the critical alert matches, orange what asks for a repair without hurry."""
    listed = _listed()
    colours = {
        colour: {int(xid) for xid, (_, of) in XIDS.items() if of == colour}
        for colour in ("red", "orange", "blue")
    }

    assert set(listed["GpuXidCritical"]) == colours["red"]
    assert {*listed["GpuXidLink"], *listed["GpuXidWarning"], 154} == colours["orange"]
    assert colours["blue"] < {*listed["GpuXidApplication"], *listed["No alert"]}


def test_what_begins_at_zero_is_told_of() -> None:
    """An XID that the exporter counts from 0, to be alerted on, is alerted on."""
    grave = {code for tier in TIERS[:-1] for code in _matched()[tier]}
    by_recovery_action = {154}

    assert set() == set(CRITICAL_XIDS) - grave - by_recovery_action


def _matched() -> dict[str, list[int]]:
    groups = yaml.safe_load((ROOT / "prometheus/alerts/hardware.yml").read_text())["groups"]
    rules = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    found = {tier: re.search(r'xid=~"([\d|]+)"', rules[tier]) for tier in TIERS}
    return {tier: sorted(map(int, each[1].split("|"))) for tier, each in found.items() if each}


def _listed() -> dict[str, list[int]]:
    """Return the codes of each section of the page, by the alert in its heading."""
    page = (ROOT / "docs" / "xid.md").read_text()
    sections = [section.partition("\n") for section in page.split("\n## ")[1:]]
    return {
        heading.split(": ")[-1]: sorted(
            code
            for cell in re.findall(r"^\| ([\d, -]+) \|", text, re.MULTILINE)
            for part in cell.split(", ")
            for code in _span(part)
        )
        for heading, _, text in sections
    }


def _span(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), int(last or first) + 1)
