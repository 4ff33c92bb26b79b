"""Homophily versus influence: beauty of two users before and after one follows the other, beside pairs never linked.

What is compared:

- **Gap.** Squared difference of two monthly means, less within / n for each, where ``within`` is the variance of photos
  around the mean of their owner's month and n the photos of the month; for months -12 to 12 around the first link of
  two users in either direction. Each had ``least_photos`` photos before the month of the link.
- **Homophily.** The mean gap of months -12 to -1 of linked pairs beside that of never-linked pairs, which come of two
  links of one month that exchange their followees, if neither follower was ever linked to the other's followee and the
  followees are alike in photos, tenure and links received; nothing that depends on the gap is matched on. Each user is
  in both groups equally often, so whatever users are like by themselves cancels, and what is left is who is with whom.
  The reading is the share by which the gap of linked pairs is smaller.
- **Influence.** It acts on the follower, and on the follower's own photos. For each follower and month, the beauty of
  the month less what the photos before it let expect (their shrunken mean) is set beside that of other followers of the
  month who had the same expected beauty, photos, tenure and links received, and were never linked to a user whom the
  follower began to follow in the three months before; one row for each such user. The difference is regressed,
  weighted by precision, on the mean beauty of the new followees and on the follower's own expected beauty. The slope is
  the share of the gap that the followees of three months close. Those who stand in may follow others of these
  followees, which makes the slope smaller, not larger.
- **Too early.** The same slope for links made in the month of the photos itself, when influence has hardly begun. It is
  above 0 where choice passes for influence, and also where users whom one followed before were like the new ones.
- **Intervals.** 95 %, dyadic (``dyadic.py``): clustered by both users of a pair. A reading is found where its interval
  lies above 0. A bootstrap that resamples users, in which a pair counts as often as the product of its users'
  multiplicities, clusters the same way and is no better: where users have many pairs both agree, where they have few it
  counts what belongs to a pair alone three times. In 200 simulated communities of 800 users without homophily its
  interval covered 0 in 200, 1.7 times as wide as the dyadic one, which covered it in 195.

Why regression to the mean does not pass for influence: people choose whom they follow by beauty that is seen, noise
included. Given all photos before, whom they chose says nothing of the noise in them. So the expected beauty is that of
all photos before the month, neither a window of them nor a change, and whoever stands in has the same one. What is seen
and what is scored differ by the error of scores, so the choice still tells a little of the noise: a slope of about
+0.01 under strong homophily without influence. A trait that changes, is not seen in photos yet, and makes people
follow beauty and improve, passes for influence in any such study (Shalizi and Thomas 2011, Sociological Methods &
Research 40:211).

Specifications tried on the simulator, in this order. The first was written down before any result was seen, each later
one after the results of those before it, on seeds that ``tests/benchmarks/bench_homophily.py``
does not use by default.

1. Gap and homophily as above, with two never-linked pairs per link and no calipers but 0.2 standard deviations of
   expected beauty; intervals from the dyadic variance. Homophily was found at once. Influence per link, the change of
   the follower over months 1 to 3 against the gap of that link alone, was not: one of many new links closes 3 %
   of the gap for influence 0.3, with a standard error of 2 % among 1,000 users.
2. Influence per follower and month, by regression on months, own expected beauty and photos, without never-linked
   followers: slopes of 0.7 times the knob, found in all seeds. Variants: photos of the last three months as a further
   covariate, followers with at least 5, 10 or 20 photos, variance by followers or by home groups, or by jackknife.
3. The same against two followers who were never linked to any of the new followees, with a caliper on expected beauty
   alone: found in all seeds, but pairs differed in activity by up to 0.9 standard deviations (0.2 for homophily).
4. As above, never linked to one of the new followees, with calipers on all that is matched on. Calipers of 0.2 to 0.3
   on expected beauty and 0.35 to 1 on the others, and two, eight or twenty pairs per link, were compared; those of
   ``StudyConfig`` keep differences below 0.1. Surprises are taken from their mean of the month. On seeds 1000 to 1039
   influence was right; without homophily, however, homophily came out at +0.02 to +0.03 and was found in 3, 6 and 6 of
   40 seeds. The followees who stood in were more spread in beauty than those linked to: people whose followees are
   unlike them upload less and leave, so those who are followed by the active are not far out.
5. Homophily with exchanged followees, influence as before. In one of 120 seeds from 2000 on the variance came out below
   0, so it got its floor (``dyadic_variance``), which can only widen intervals. This one is used.
"""

from dataclasses import dataclass

import numpy as np

from assets.network.dyadic import NOTHING, Estimate, dyadic_estimate
from assets.network.never_linked import (
    Matches,
    Prior,
    imbalance,
    link_weights,
    never_linked_if_exchanged,
    never_linked_to,
    others_in_place,
    standing,
)
from assets.network.pair_events import (
    Events,
    Floats,
    Integers,
    LinkTimes,
    UserMonths,
    sampled_followers,
    sampled_pairs,
)

LINKED, NEVER_LINKED, DIFFERENCE = "linked", "never_linked", "difference"
ANY_GAP, SAME_GAP = "any_gap", "same_gap"
_LEAST_PAIRS = 4


@dataclass(frozen=True)
class StudyConfig:
    """What is looked at.

    Attributes:
        pairs: Links that are drawn, for each of the two questions.
        months: Months before and after a link.
        after: Months for which a link is new.
        least_photos: Photos that a user needs before.
        strangers: Never-linked pairs per link.
        calipers: Largest difference in expected beauty, log photos, tenure and log links received, in standard
            deviations over links.
        level: Nominal coverage of intervals.
        seed: Of the draws.
    """

    pairs: int = 20_000
    months: int = 12
    after: int = 3
    least_photos: int = 3
    strangers: int = 8
    calipers: tuple[float, ...] = (0.3, 0.4, 0.4, 0.4)
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class PairStudy:
    """Linked pairs beside never-linked ones.

    Attributes:
        known: Photos of users by month.
        prior: How beauty varies.
        events: The links.
        matches: Comparison -> never-linked pairs: with the same gap the user who stands in for the follower; with any
            gap the link with which a link exchanges its followee.
        imbalance: Comparison -> largest absolute standardised mean difference of what they were matched on.
        config: What is looked at.
    """

    known: UserMonths
    prior: Prior
    events: Events
    matches: dict[str, Matches]
    imbalance: dict[str, float]
    config: StudyConfig

    def ends(self, comparison: str, group: str) -> tuple[Integers, Integers, Integers, Floats]:
        """Follower, followee, month of the link and weight of each pair of a group.

        With any gap, two links exchange their followees, and both links stand beside both never-linked pairs: so each
        user is in both groups equally often, and what a user is like by oneself cancels.
        """
        events, matches = self.events, self.matches[comparison]
        row, other, share = matches.row, matches.stranger, link_weights(matches.row)
        if group == LINKED:
            weight: Floats = np.bincount(row, share, len(events)).astype(np.float64)
            if comparison == ANY_GAP:
                weight += np.bincount(other, share, len(events))
            used = np.flatnonzero(weight)
            return events.follower[used], events.followee[used], events.month[used], weight[used]
        if comparison == SAME_GAP:
            return other, events.followee[row], events.month[row], share
        one, two = np.concatenate([row, other]), np.concatenate([other, row])
        return events.follower[one], events.followee[two], events.month[one], np.concatenate([share, share])


def arrange_pairs(known: UserMonths, links: LinkTimes, prior: Prior, config: StudyConfig) -> PairStudy:
    """Draw links, and match never-linked pairs to them."""
    events = sampled_pairs(known, links, config.least_photos, config.pairs, config.seed)
    followees = standing(known, links, prior, events.followee, events.month).covariates
    exchanged = never_linked_if_exchanged(links, events.follower, events.followee)
    links_apart = others_in_place(
        np.arange(len(events)), events.month, followees, exchanged, config.strangers, config.calipers[1:]
    )
    followers = standing(known, links, prior, events.follower, events.month).with_beauty
    ruled_out = never_linked_to(links, events.followee)
    strangers = others_in_place(events.follower, events.month, followers, ruled_out, config.strangers, config.calipers)
    beside = standing(known, links, prior, strangers.stranger, events.month[strangers.row]).with_beauty
    matches = {ANY_GAP: links_apart, SAME_GAP: strangers}
    largest = {
        ANY_GAP: imbalance(followees, followees[links_apart.stranger], links_apart),
        SAME_GAP: imbalance(followers, beside, strangers),
    }
    return PairStudy(known, prior, events, matches, largest, config)


@dataclass(frozen=True)
class _Gaps:
    """Corrected squared gaps of pairs by relative month; NaN where one of the two had no photos."""

    one: Integers
    other: Integers
    weight: Floats
    gaps: Floats

    def mean(self, columns: Integers) -> tuple[float, Floats, int]:
        """Mean over pairs and months, the influence function of each pair, and pairs with a gap in these months."""
        part = self.gaps[:, columns]
        held = np.isfinite(part)
        counts = held.sum(axis=1) * self.weight
        if not counts.sum() > 0:
            return float("nan"), np.zeros(len(self.one)), 0
        sums = np.where(held, part, 0.0).sum(axis=1) * self.weight
        mean = sums.sum() / counts.sum()
        return float(mean), (sums - counts * mean) / counts.sum(), int(held.any(axis=1).sum())


def _gaps(study: PairStudy, comparison: str, group: str) -> _Gaps:
    one, other, month, weight = study.ends(comparison, group)
    months = month[:, None] + relative_months(study.config)
    (n, a), (m, b) = (study.known.between(user[:, None], months, months) for user in (one, other))
    noise = study.prior.within * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1))
    return _Gaps(one, other, weight, (a - b) ** 2 - noise)


def relative_months(config: StudyConfig) -> Integers:
    """Months around a link."""
    return np.arange(-config.months, config.months + 1)


def gap_rows(study: PairStudy) -> list[dict[str, object]]:
    """Rows of ``pair_gap_study``."""
    rows: list[dict[str, object]] = []
    for comparison in (ANY_GAP, SAME_GAP):
        linked, never = (_gaps(study, comparison, group) for group in (LINKED, NEVER_LINKED))
        for column, month in enumerate(relative_months(study.config)):
            at = np.array([column])
            (mean, psi, pairs), (chance, chance_psi, others) = linked.mean(at), never.mean(at)
            level = study.config.level
            found = {
                LINKED: dyadic_estimate(mean, linked.one, linked.other, psi, pairs, level),
                NEVER_LINKED: dyadic_estimate(chance, never.one, never.other, chance_psi, others, level),
                DIFFERENCE: _both(linked, never, mean - chance, psi, -chance_psi, min(pairs, others), level),
            }
            rows += [
                {"comparison": comparison, "pair_group": group, "relative_month": int(month), **_numbers(estimate)}
                for group, estimate in found.items()
            ]
    return rows


def _both(
    linked: _Gaps, never: _Gaps, value: float, psi: Floats, chance_psi: Floats, pairs: int, level: float
) -> Estimate:
    one, other = np.concatenate([linked.one, never.one]), np.concatenate([linked.other, never.other])
    return dyadic_estimate(value, one, other, np.concatenate([psi, chance_psi]), pairs, level)


def _numbers(estimate: Estimate) -> dict[str, object]:
    ends = {"squared_gap": estimate.value, "lower": estimate.lower, "upper": estimate.upper}
    return {**{name: None if np.isnan(value) else value for name, value in ends.items()}, "pairs": estimate.pairs}


def homophily(study: PairStudy) -> Estimate:
    """Share by which the gap of linked pairs is smaller before the link; NaN where never-linked pairs have no gap."""
    before = np.flatnonzero(relative_months(study.config) < 0)
    linked, never = (_gaps(study, ANY_GAP, group) for group in (LINKED, NEVER_LINKED))
    (mean, psi, pairs), (chance, chance_psi, others) = linked.mean(before), never.mean(before)
    if not pairs or not others or chance <= 0:
        return NOTHING
    share = mean / chance
    level = study.config.level
    return _both(linked, never, 1 - share, -psi / chance, share * chance_psi / chance, pairs, level)


@dataclass(frozen=True)
class FollowerMonths:
    """Followers in months in which they uploaded and had new followees, and never-linked followers beside them.

    Attributes:
        follower: (k,) the followers.
        beauty: (k,) expected beauty by all photos before the month.
        surprise: (k,) beauty of the month less the expected one, and less the mean of that over followers of the month.
        variance: (k,) of the surprise, if nothing but noise makes it.
        followed: (k,) mean over new followees of the beauty of their photos before the month.
        row: (l,) position above of each pair of a follower and month with a new followee.
        followee: (l,) the new followees.
        matches: Pairs, and positions above of followers of the month who were never linked to the followee.
        imbalance: Largest absolute standardised mean difference of what they were matched on.
        level: Nominal coverage.
    """

    follower: Integers
    beauty: Floats
    surprise: Floats
    variance: Floats
    followed: Floats
    row: Integers
    followee: Integers
    matches: Matches
    imbalance: float
    level: float


def arrange_followers(
    known: UserMonths, links: LinkTimes, prior: Prior, config: StudyConfig, ages: tuple[int, int]
) -> FollowerMonths:
    """Draw followers, and match never-linked ones to them; ``ages`` are those of new links in months, both included."""
    events = sampled_followers(links, config.pairs, config.seed)
    age = np.arange(ages[0], ages[1] + 1)
    month = (events.month[:, None] + age).ravel()
    follower, followee = np.repeat(events.follower, len(age)), np.repeat(events.followee, len(age))
    shown, beauty = known.between(followee, 0, month - 1)
    uploaded, before = known.between(follower, month, month)[0], known.between(follower, 0, month - 1)[0]
    held = (shown > 0) & (uploaded > 0) & (before >= config.least_photos)
    key, row = np.unique(follower[held] * links.months + month[held], return_inverse=True)
    user, when = np.divmod(key, links.months)
    stands = standing(known, links, prior, user, when)
    columns, ruled_out = stands.with_beauty, never_linked_to(links, followee[held])
    found = others_in_place(user[row], when[row], columns[row], ruled_out, config.strangers, config.calipers)
    others = np.searchsorted(key, found.stranger * links.months + when[row[found.row]])
    photos, shown_then = known.between(user, when, when)
    surprise = shown_then - stands.beauty
    surprise -= (np.bincount(when, surprise) / np.maximum(np.bincount(when), 1))[when]
    return FollowerMonths(
        follower=user,
        beauty=stands.beauty,
        surprise=surprise,
        variance=prior.within / photos + prior.left_by(stands.photos),
        followed=np.bincount(row, beauty[held], len(key)) / np.bincount(row, minlength=len(key)),
        row=row,
        followee=followee[held],
        matches=Matches(found.row, others),
        imbalance=imbalance(columns[row], columns[others], found),
        level=config.level,
    )


def pull(study: FollowerMonths) -> Estimate:
    """Share of the gap to new followees that followers close, beyond never-linked followers."""
    pairs, pair, counts = np.unique(study.matches.row, return_inverse=True, return_counts=True)
    if len(pairs) < _LEAST_PAIRS:
        return NOTHING
    row, others = study.row[pairs], study.matches.stranger
    noise = study.variance[row] + np.bincount(pair, study.variance[others]) / counts**2
    # A follower and month counts once, however many followees are new.
    weight = 1 / noise / np.bincount(row)[row]
    own = np.column_stack([np.ones(len(row)), study.beauty[row]])
    apart = study.followed[row] - _fit(own, study.followed[row], weight)
    total = (weight * apart**2).sum()
    if not total > 0:
        return NOTHING
    pulled = weight * apart / total
    beside = np.bincount(pair, study.surprise[others]) / counts
    slope = float((pulled * (study.surprise[row] - beside)).sum())
    moved = study.surprise[row] - _fit(own, study.surprise[row], weight) - slope * apart
    stayed = study.surprise[others] - _fit(own, beside, weight)[pair]
    influence = np.concatenate([pulled * moved, -(pulled / counts)[pair] * stayed])
    one = np.concatenate([study.follower[row], study.follower[others]])
    other = np.concatenate([study.followee[pairs], study.followee[pairs][pair]])
    return dyadic_estimate(slope, one, other, influence, len(pairs), study.level)


def _fit(columns: Floats, values: Floats, weight: Floats) -> Floats:
    """Fitted values of a weighted least-squares regression."""
    root = np.sqrt(weight)
    return np.asarray(columns @ np.linalg.lstsq(columns * root[:, None], values * root, rcond=None)[0])
