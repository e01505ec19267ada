"""What saving a dunning policy refuses beyond its form: what no law allows, what can never act, what was never meant (pure).

A stored version is compiled without this, so that a stricter lint never stops what runs already. What courts have allowed
for a letter is the law's table `dunning-fee`.
"""

from collections.abc import Sequence
from typing import Any

from gateway.core.faults import MOST, Fault, Findings
from gateway.law import tables
from gateway.receivables.dunning_policy import LETTERS, DunningPolicy, PolicyStep, Segment, Track
from gateway.receivables.dunning_schema import compile_dunning
from gateway.receivables.next_step import LEAST_DAYS_BY_POST

MOST_LETTERS, USUAL_LETTERS = 5, 4
LEAST_DEADLINE_DAYS, FINAL_DEADLINE_DAYS = 7, 10
BUREAU_DAYS = 28
"""Between the first demand and a report to a bureau lie four weeks (§ 31 (2) no. 4 BDSG old, kept as the minimum)."""
LUMP_SUM_COUNTRIES = frozenset({"DE", "AT"})
RUN_HOUR = 2
"""The run drafts in the night; the undo window counts from then."""


def check(body: Any) -> list[Fault]:
    """Check a document to the last field and return warnings. Raises Invalid with every fault's path and a suggestion."""
    policy, found = compile_dunning(body, 0), Findings()
    _reach(policy, found)
    for place, track in enumerate(policy.tracks):
        _track(track, f"/tracks/{place}", found)
    found.refuse()
    return found.warnings[:MOST]


def _reach(policy: DunningPolicy, found: Findings) -> None:
    for place, track in enumerate(policy.tracks):
        for earlier in policy.tracks[:place]:
            if _covers(earlier.segment, track.segment):
                found.fault(
                    f"/tracks/{place}/segment", f"can never be the first to hold: {earlier.id} does whenever it does"
                )
                break
    if not any(_covers(track.segment, Segment()) for track in policy.tracks):
        found.warn("/tracks", "debtors whom no track is for are not reminded; a last track without a segment would")


def _covers(one: Segment, other: Segment) -> bool:
    """Whether `one` holds whenever `other` does."""
    return (
        (not one.countries or (bool(other.countries) and other.countries <= one.countries))
        and one.debtor in ("any", other.debtor)
        and one.buyers in ("any", other.buyers)
        and one.currency in ("", other.currency)
        and (one.min_minor or 0) <= (other.min_minor or 0)
        and (one.max_minor is None or (other.max_minor is not None and other.max_minor <= one.max_minor))
    )


def _track(track: Track, path: str, found: Findings) -> None:
    _order(track.steps, path, found)
    _times(track, path, found)
    _bureau_time(track.steps, path, found)
    for place, step in enumerate(track.steps):
        at = f"{path}/steps/{place}"
        first_demand = step.demands and not any(earlier.demands for earlier in track.steps[:place])
        _fee(step, track.segment, at, first_demand=first_demand, found=found)
        _lump_sum(step, track.segment, at, found)
        _deadline(step, at, found)
        _way(step, at, found)
        _notices(step, track.segment, at, found)
        if step.interest and not step.demands:
            found.fault(f"{at}/interest", "interest is demanded by a dunning letter, not by a reminder; put it there")


def _order(steps: Sequence[PolicyStep], path: str, found: Findings) -> None:
    kinds = [step.kind for step in steps]
    letters = sum(kind in LETTERS for kind in kinds)
    if not steps:
        found.warn(f"{path}/steps", "nobody of this segment is reminded")
    if letters > MOST_LETTERS:
        found.fault(f"{path}/steps", f"{letters} letters; more than {MOST_LETTERS} harass, three or four are usual")
    elif letters > USUAL_LETTERS:
        found.warn(f"{path}/steps", f"{letters} letters; three or four are usual")
    if "final" in kinds:
        place = kinds.index("final")
        if "dunning" not in kinds[:place]:
            found.fault(f"{path}/steps/{place}", "no dunning letter before it: put a step of kind dunning first")
        if any(kind in LETTERS for kind in kinds[place + 1 :]):
            found.fault(f"{path}/steps/{place}", "another letter follows the final one; put it last")
    for place, kind in enumerate(kinds):
        if kind == "reminder" and any(earlier in ("dunning", "final") for earlier in kinds[:place]):
            found.fault(f"{path}/steps/{place}/kind", "a reminder after a demand takes the demand back; use dunning")


def _times(track: Track, path: str, found: Findings) -> None:
    if max(track.sending.from_hour, RUN_HOUR + track.undo_hours) >= track.sending.until_hour:
        hours = track.sending.until_hour - RUN_HOUR - 1
        found.fault(f"{path}/undo_hours", f"no letter could leave on the day it is drafted; at most {hours}")
    if not track.delivered_required:
        found.warn(f"{path}/delivered_required", "debtors are dunned for goods that may never have come; use true")
    if not track.probable_payment_brake:
        found.warn(f"{path}/probable_payment_brake", "debtors are dunned for what they have probably paid; use true")
    for place, (before, step) in enumerate(zip(track.steps, track.steps[1:], strict=False), start=1):
        if step.delay_days < before.deadline_days + track.bank_lag_days:
            needed = before.deadline_days + track.bank_lag_days + 1
            words = f"the deadline before runs longer, so it will be {needed} days"
            found.warn(f"{path}/steps/{place}/delay_days", words)


def _bureau_time(steps: Sequence[PolicyStep], path: str, found: Findings) -> None:
    demands = [step for step in steps if step.demands]
    if any(step.bureau_notice for step in demands):
        days = sum(step.delay_days for step in demands[1:]) + demands[-1].deadline_days
        if days < BUREAU_DAYS:
            words = f"{days} days from the first demand to the end of the last; a report needs {BUREAU_DAYS}"
            found.warn(f"{path}/steps", words)


def _fee(step: PolicyStep, segment: Segment, at: str, *, first_demand: bool, found: Findings) -> None:
    path, fee = f"{at}/fee_minor", step.fee_minor
    if not fee:
        return
    if not step.demands:
        found.fault(path, "only a dunning letter after default may cost something; use 0")
    elif first_demand:
        found.fault(path, "the letter that creates default must be free (§§ 280 (2), 286 BGB); use 0")
    if step.channel in ("email", "callback"):
        found.fault(path, "this channel costs no paper and no postage, so there is no damage to claim; use 0")
    if not step.fee_proof:
        found.fault(f"{at}/fee_proof", "name the proof of what paper, envelope and postage cost, or set the fee to 0")
    if segment.debtor == "business" and segment.countries <= LUMP_SUM_COUNTRIES:
        found.warn(path, "a company owes the lump sum instead, so this is never charged; use 0")
    if "CH" in segment.countries:
        found.warn(path, "in Switzerland only if the terms name exactly this amount")
        return
    usual, most = (_least_of(part, segment) for part in ("letter", "most"))
    if fee > most:
        found.fault(path, f"no court has allowed more than {most}; {usual} is usual")
    elif fee > usual:
        found.warn(path, f"courts have refused it; up to {usual} is usual")


def _least_of(part: str, segment: Segment) -> int:
    """What the newest row says for the strictest of the segment's countries; for those without rows, as in Germany."""
    runs = [tables.shipped().run("dunning-fee", f"{country}/{part}") for country in segment.countries]
    return min(run[-1].minor for run in (*runs, tables.shipped().run("dunning-fee", f"DE/{part}")) if run)


def _lump_sum(step: PolicyStep, segment: Segment, at: str, found: Findings) -> None:
    if not step.lump_sum:
        return
    if segment.debtor != "business":
        found.fault(
            f"{at}/lump_sum", "40 EUR are owed by companies only (§ 288 (5) BGB); use false, or debtor business"
        )
    if not segment.countries or not segment.countries <= LUMP_SUM_COUNTRIES:
        found.fault(f"{at}/lump_sum", "known for DE and AT only; use false, or a track for these countries")
    if not step.demands:
        found.fault(f"{at}/lump_sum", "is owed with default; put it into a dunning letter")


def _deadline(step: PolicyStep, at: str, found: Findings) -> None:
    if step.kind not in LETTERS:
        return
    path, days = f"{at}/deadline_days", step.deadline_days
    least = LEAST_DAYS_BY_POST if step.channel == "post" else LEAST_DEADLINE_DAYS
    if days < least:
        found.fault(path, f"too short to pay by bank transfer and be seen; at least {least}")
    elif step.kind == "final" and days < FINAL_DEADLINE_DAYS:
        found.warn(path, f"short for a last letter; {FINAL_DEADLINE_DAYS} to 14 are usual")


def _way(step: PolicyStep, at: str, found: Findings) -> None:
    for kind in ("call", "callback"):
        if step.kind == kind and step.channel != kind:
            found.fault(f"{at}/channel", f"a step of kind {kind} goes by the channel {kind}")
    if step.kind in LETTERS and step.channel == "call":
        found.fault(f"{at}/channel", "a letter cannot be phoned; use email or post, or a step of kind call")
    if step.demands and step.channel == "callback":
        found.warn(f"{at}/channel", "the shop must prove that a demand was received; email or post keep the proof here")
    if step.fallback == step.channel:
        found.warn(f"{at}/fallback", "is the channel itself; use another one, or null")
    elif step.kind == "final" and step.channel == "email" and step.fallback is None:
        found.warn(f"{at}/fallback", "a last letter that bounces has no other way; use post")


def _notices(step: PolicyStep, segment: Segment, at: str, found: Findings) -> None:
    if step.bureau_notice and not step.demands:
        found.fault(
            f"{at}/bureau_notice", "not before the first dunning letter (§ 31 (2) no. 4 BDSG old); put it there"
        )
    elif step.bureau_notice and step.channel != "post":
        found.warn(f"{at}/bureau_notice", "whether an e-mail is written notice is disputed; post is safe")
    if step.bureau_notice and segment.countries != frozenset({"DE"}):
        found.warn(f"{at}/bureau_notice", "the conditions are those of Germany; give DE a track of its own")
    if step.handover_notice and step.kind != "final":
        found.fault(f"{at}/handover_notice", "not before a dunning letter has left; put it into the final letter")
