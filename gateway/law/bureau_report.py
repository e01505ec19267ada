"""Whether an unpaid claim may be told to a credit bureau: the four conditions, by the rule set of the day (pure).

§ 31 (2) no. 4 BDSG until 19 November 2026, § 37a since; the wording of the new rule was not at hand, so the stricter
old conditions stay as the minimum: two written reminders, the first four weeks ago, told before, not disputed.
"""

from dataclasses import dataclass
from datetime import date

from gateway.law.calendars import UnknownCountry
from gateway.law.lines import line
from gateway.law.periods import days_after
from gateway.law.tables import Tables

FIRST, SECOND, WEEKS, NOTICE, DISPUTED = "first-reminder", "second-reminder", "four-weeks", "notice", "disputed"


@dataclass(frozen=True, slots=True)
class Report:
    """What was done before the report of that day; None where it was not done."""

    on: date
    first_reminder: date | None
    second_reminder: date | None
    notice_given_on: date | None
    disputed: bool
    country: str = "DE"


@dataclass(frozen=True, slots=True)
class Allowed:
    """The answer; `earliest` is None while something is missing that no waiting brings."""

    allowed: bool
    earliest: date | None
    rule_set: str
    missing: tuple[str, ...]
    working: tuple[str, ...]


def bureau_report(report: Report, tables: Tables) -> Allowed:
    """Raises UnknownCountry and DateOutOfTable."""
    if report.country != "DE":
        raise UnknownCountry("reports to a bureau are known for DE", country=report.country)
    rule_set = tables.at("bureau-rules", "DE", report.on).value
    wait = tables.at("bureau-rules", "DE/days", report.on).whole
    lacking = _lacking(report)
    earliest = None if lacking else _earliest(report, wait)
    waiting = [] if earliest is None or earliest <= report.on else _waiting(report, wait)
    missing = (*lacking, *waiting)
    lines = (
        line(
            "{day}: rule set {rules}, {days} days after the first reminder",
            "{day}: Regelwerk {rules}, {days} Tage nach der ersten Mahnung",
            day=report.on,
            rules=rule_set,
            days=wait,
        ),
        line(
            "missing: {missing}; earliest: {earliest}",
            "es fehlt: {missing}; frühestens: {earliest}",
            missing=", ".join(missing) or line("nothing", "nichts"),
            earliest=earliest or line("cannot be told", "lässt sich nicht sagen"),
        ),
    )
    return Allowed(not missing, earliest, rule_set, missing, lines)


def _lacking(report: Report) -> list[str]:
    """What no waiting brings: a reminder or notice that was not given, a notice before the first reminder, a dispute."""
    first, notice = report.first_reminder, report.notice_given_on
    lacking = [FIRST] if first is None else []
    if report.second_reminder is None or (first is not None and report.second_reminder <= first):
        lacking.append(SECOND)
    if notice is None or (first is not None and notice < first):
        lacking.append(NOTICE)
    return [*lacking, DISPUTED] if report.disputed else lacking


def _earliest(report: Report, wait: int) -> date:
    days = (
        report.second_reminder,
        report.notice_given_on,
        report.first_reminder and days_after(report.first_reminder, wait),
    )
    return max(day for day in days if day is not None)


def _waiting(report: Report, wait: int) -> list[str]:
    """What lies in the future of the report's day."""
    due = {FIRST: report.first_reminder, SECOND: report.second_reminder, NOTICE: report.notice_given_on}
    waiting = [name for name, day in due.items() if day is not None and day > report.on]
    if report.first_reminder and days_after(report.first_reminder, wait) > report.on:
        waiting.append(WEEKS)
    return waiting
