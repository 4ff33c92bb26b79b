"""What would have happened to a treated user-month without its treatment, all else equal: the truth of E1, E2, E3.

All three keep everybody else as they are and ignore effects that come back through others.

- E1, exposure to quality: the links that somebody made in month t to top-quartile producers go to followees drawn
  from the other new links of the month instead, those of followers of about the same beauty (homophily would have
  chosen likewise); outcome: mean latent beauty of the photos of the next three months, with the same photos taken.
- E2, imbalance: whoever is in the top third of absolute imbalance at the end of month t (each sign apart) takes that of
  somebody drawn from the middle third, in the months that follow too: imbalance falls back to what is usual, so that
  holding it apart would be another, greater change than being in one third or the other. Outcome: expected uploads of
  the next three months and probability of leaving within six.
- E3, recognition: whoever is in the top quartile of beauty and the lower half of recognition there takes that of
  somebody drawn from the upper half, likewise; outcome: expected active weeks of the next six months, and leaving.

Expectations are over uploads and leaving, given the state of each month. Cohorts that the observation cuts short
are left out. Memory: three and twelve cohorts of treated people.
"""

from dataclasses import dataclass, field

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.links import NewLinks
from assets.landing.simulator.uploads import NewPhotos
from assets.statistics import behaviour

QUALITY_WINDOW = 3
"""Months after treatment over which E1 and the uploads of E2 are measured."""
ENGAGEMENT_WINDOW = 6
"""Months after treatment over which leaving and active weeks are measured."""

_NEIGHBOURS = 40

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class MonthView:
    """State at the start of a month, one value per person unless said otherwise.

    Attributes:
        month: Number of the month.
        start: Its first microsecond.
        weeks: Its length in weeks.
        active: Members who have not left.
        settled: Active people who joined in an earlier month.
        beauty: Cumulative latent beauty of public photos; NaN without any.
        talent: Talent.
        attention, attended_beauty: Sum of link weights to followees with beauty, and of weight times beauty.
        gap_before: Remembered gap of the month before.
        influence: What influence adds to this month's photos.
        imbalance, recognition: NaN where not defined.
        base_rates: Expected uploads before strain and neglect, had nobody left.
    """

    month: int
    start: int
    weeks: float
    active: np.ndarray
    settled: np.ndarray
    beauty: Floats
    talent: Floats
    attention: Floats
    attended_beauty: Floats
    gap_before: Floats
    influence: Floats
    imbalance: Floats
    recognition: Floats
    base_rates: Floats


def exchange_weight(config: SimulationConfig, age: Ints | int) -> Floats:
    """Weight of a link in influence by its age in months."""
    return np.where(np.asarray(age) <= config.new_link_months, config.new_link_attention, 1.0)


@dataclass
class _ExposureCohort:
    month: int
    who: Ints
    new_links: Ints
    treated_links: Ints
    baseline: Floats
    position: Ints
    followee: Ints
    comparator: Ints
    removed_at: Ints
    gap_without: Floats
    photos: Ints
    sum_with: Floats
    sum_without: Floats


@dataclass
class _ShiftCohort:
    experiment: str
    month: int
    who: Ints
    donor: Ints
    observed: Floats
    moved: Floats
    age: int = 0
    survival: dict[str, Floats] = field(default_factory=dict)
    uploads: dict[str, Floats] = field(default_factory=dict)
    weeks: dict[str, Floats] = field(default_factory=dict)


@dataclass
class PotentialOutcomes:
    """Open cohorts of the three experiments, and the running sums of their planted effects."""

    config: SimulationConfig
    draws: Draws
    exposure_cohorts: list[_ExposureCohort] = field(default_factory=list)
    shift_cohorts: list[_ShiftCohort] = field(default_factory=list)

    def open_shifts(self, view: MonthView) -> None:
        """Open E2 and E3 for the month that has just ended."""
        if view.month == 0:
            return
        for sign, name in ((1, "over"), (-1, "under")):
            value = np.where(view.settled & (np.sign(view.imbalance) == sign), np.abs(view.imbalance), np.nan)
            lower, upper = _quantiles(value, (1 / 3, 2 / 3))
            middle = (value >= lower) & (value < upper)
            self._open("E2", f"E2-{name}", view.month, view.imbalance, value >= upper, middle)
        (top,) = _quantiles(np.where(view.settled, view.beauty, np.nan), (0.75,))
        recognition = np.where(view.settled & (view.beauty >= top), view.recognition, np.nan)
        (half,) = _quantiles(recognition, (0.5,))
        self._open("E3", "E3", view.month, view.recognition, recognition < half, recognition >= half)

    def _open(
        self, experiment: str, purpose: str, month: int, value: Floats, treated: np.ndarray, compared: np.ndarray
    ) -> None:
        who, pool = np.flatnonzero(treated), np.flatnonzero(compared)
        if not len(who) or not len(pool):
            return
        donor = pool[self.draws.below(purpose, month, len(pool), who)]
        self.shift_cohorts.append(_ShiftCohort(experiment, month - 1, who, donor, value[who], value[donor]))

    def follow_shifts(self, view: MonthView) -> list[tuple[str, int, Columns]]:
        """Carry E2 and E3 through a month; returns (experiment, month of treatment, columns) of finished cohorts."""
        for cohort in self.shift_cohorts:
            self._carry(cohort, view, "treated", cohort.who)
            self._carry(cohort, view, "comparison", cohort.donor)
            cohort.age += 1
        finished = [c for c in self.shift_cohorts if c.age == ENGAGEMENT_WINDOW]
        self.shift_cohorts = [c for c in self.shift_cohorts if c.age < ENGAGEMENT_WINDOW]
        return [(c.experiment, c.month, _shift_columns(c)) for c in finished]

    def _carry(self, cohort: _ShiftCohort, view: MonthView, arm: str, source: Ints) -> None:
        """Carry an arm whose imbalance (E2) or recognition (E3) is that of ``source``."""
        zero = np.zeros(len(cohort.who))
        imbalance = view.imbalance[source if cohort.experiment == "E2" else cohort.who]
        recognition = view.recognition[source if cohort.experiment == "E3" else cohort.who]
        d, r = self.config.imbalance_churn, self.config.recognition_retention
        rate = view.base_rates[cohort.who] * behaviour.upload_multiplier(d, r, imbalance, recognition)
        survival = cohort.survival.get(arm, zero + 1.0)
        if cohort.age < QUALITY_WINDOW:
            cohort.uploads[arm] = cohort.uploads.get(arm, zero) + survival * rate
        weeks = behaviour.expected_active_weeks(rate, view.weeks)
        cohort.weeks[arm] = cohort.weeks.get(arm, zero) + survival * weeks
        leaving = behaviour.leaving_probability(self.config.base_churn, d, r, imbalance, recognition)
        cohort.survival[arm] = survival * (1.0 - leaving)

    def open_exposure(self, view: MonthView, new: NewLinks) -> None:
        """Open E1 for the links made in this month."""
        (top,) = _quantiles(np.where(view.active, view.beauty, np.nan), (0.75,))
        treated = view.beauty[new.followee] >= top
        if treated.all() or not treated.any():
            return
        who, position = np.unique(new.follower[treated], return_inverse=True)
        zeros = np.zeros(len(who))
        self.exposure_cohorts.append(
            _ExposureCohort(
                month=view.month,
                who=who,
                new_links=np.bincount(new.follower, minlength=len(view.beauty))[who],
                treated_links=np.bincount(position, minlength=len(who)),
                baseline=view.beauty[who],
                position=position,
                followee=new.followee[treated],
                comparator=self._comparators(view, new, treated),
                removed_at=new.removed_at[treated],
                gap_without=zeros,
                photos=np.zeros(len(who), dtype=np.int64),
                sum_with=zeros,
                sum_without=zeros,
            )
        )

    def _comparators(self, view: MonthView, new: NewLinks, treated: np.ndarray) -> Ints:
        """A followee for each treated link, from the other links of the followers nearest in cumulative beauty."""
        # Followers without photos stand together, below all others.
        standing = np.nan_to_num(view.beauty[new.follower], nan=-1.0)
        order = np.lexsort((new.followee[~treated], standing[~treated]))
        pool, pool_standing = new.followee[~treated][order], standing[~treated][order]
        place = np.searchsorted(pool_standing, standing[treated])
        first = np.clip(place - _NEIGHBOURS // 2, 0, max(len(pool) - _NEIGHBOURS, 0))
        ids = (new.follower[treated], new.followee[treated])
        return pool[first + self.draws.below("E1", view.month, min(_NEIGHBOURS, len(pool)), *ids)]

    def follow_exposure(self, view: MonthView, photos: NewPhotos) -> list[tuple[str, int, Columns]]:
        """Carry E1 through a month's public photos; returns finished cohorts like ``follow_shifts``."""
        for cohort in self.exposure_cohorts:
            self._carry_exposure(cohort, view, photos)
        finished = [c for c in self.exposure_cohorts if view.month - c.month == QUALITY_WINDOW]
        self.exposure_cohorts = [c for c in self.exposure_cohorts if view.month - c.month < QUALITY_WINDOW]
        return [("E1", c.month, _exposure_columns(c)) for c in finished]

    def _carry_exposure(self, cohort: _ExposureCohort, view: MonthView, photos: NewPhotos) -> None:
        if view.month - cohort.month == 1:
            cohort.gap_without = view.gap_before[cohort.who]
        gap = self._gap_after_exchange(cohort, view)
        cohort.gap_without = behaviour.remembered_gap(self.config.influence_form, gap, cohort.gap_without)
        without = behaviour.influence_on_beauty(self.config.influence, self.config.influence_form, cohort.gap_without)
        place = np.full(len(view.beauty), -1)
        place[cohort.who] = np.arange(len(cohort.who))
        theirs = np.flatnonzero(photos.is_public & (place[photos.owner] >= 0))
        owner = place[photos.owner[theirs]]
        exchanged = np.clip(photos.without_influence[theirs] + without[owner], 0.0, 1.0)
        n = len(cohort.who)
        cohort.photos = cohort.photos + np.bincount(owner, minlength=n)
        cohort.sum_with = cohort.sum_with + np.bincount(owner, weights=photos.beauty[theirs], minlength=n)
        cohort.sum_without = cohort.sum_without + np.bincount(owner, weights=exchanged, minlength=n)

    def _gap_after_exchange(self, cohort: _ExposureCohort, view: MonthView) -> Floats:
        """This month's gap between followed beauty and talent if the treated links went to the comparators."""
        alive = (cohort.removed_at > view.start) * exchange_weight(self.config, view.month - cohort.month)
        more_attention = alive * (_has(view.beauty, cohort.comparator) - _has(view.beauty, cohort.followee))
        more_beauty = alive * (_value(view.beauty, cohort.comparator) - _value(view.beauty, cohort.followee))
        n = len(cohort.who)
        attention = view.attention[cohort.who] + np.bincount(cohort.position, weights=more_attention, minlength=n)
        attended = view.attended_beauty[cohort.who] + np.bincount(cohort.position, weights=more_beauty, minlength=n)
        followed = np.divide(attended, attention, out=view.talent[cohort.who].copy(), where=attention > 0.5)
        return followed - view.talent[cohort.who]


def _has(beauty: Floats, who: Ints) -> Floats:
    return (~np.isnan(beauty[who])).astype(np.float64)


def _value(beauty: Floats, who: Ints) -> Floats:
    return np.nan_to_num(beauty[who], nan=0.0)


def _quantiles(values: Floats, shares: tuple[float, ...]) -> tuple[float, ...]:
    """Quantiles of what is not NaN; infinity where nothing is, so that nobody reaches them."""
    known = values[~np.isnan(values)]
    return tuple(float(q) for q in np.quantile(known, shares)) if len(known) else (np.inf,) * len(shares)


def _shift_columns(cohort: _ShiftCohort) -> Columns:
    columns: Columns = {"user_id": cohort.who + 1, "observed": cohort.observed, "moved": cohort.moved}
    for arm in ("treated", "comparison"):
        columns[f"uploads_3_{arm}"] = cohort.uploads[arm]
        columns[f"left_6_{arm}"] = 1.0 - cohort.survival[arm]
        columns[f"active_weeks_6_{arm}"] = cohort.weeks[arm]
    return columns


def _exposure_columns(cohort: _ExposureCohort) -> Columns:
    took = cohort.photos > 0
    photos = cohort.photos[took]
    return {
        "user_id": cohort.who[took] + 1,
        "new_links": cohort.new_links[took],
        "treated_links": cohort.treated_links[took],
        "baseline_beauty": cohort.baseline[took],
        "photos_3": photos,
        "beauty_3_treated": cohort.sum_with[took] / photos,
        "beauty_3_comparison": cohort.sum_without[took] / photos,
    }
