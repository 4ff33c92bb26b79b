"""A declared experiment: in which user-months what is compared with what, and how it is read from the warehouse.

Expressions are SQL over the columns of the mart ``fct_user_month_windows``, whose rows are user-months. What is known
``before`` stands at the start of the month.
"""

from dataclasses import dataclass

from assets.causal.design import Design, Experiment

MART = "fct_user_month_windows"
ANY_UNITS = f"select 1 from {MART} limit 1"  # noqa: S608
NO_UNITS = "no user was seen over two months, so there is nothing before and after"
TREATED, MONTH, USER, PERIOD = "is_treated", "event_month", "user_id", "period"
_MONTH_NUMBER = "month_number"
EXPERIENCE, NEWCOMER, ESTABLISHED, PROFESSIONAL = "experience", "newcomer", "established", "professional"
EXPERIENCE_SQL = f"""case
        when tenure_months < 6 then '{NEWCOMER}'
        when photos_percentile >= 0.9 then '{PROFESSIONAL}'
        else '{ESTABLISHED}'
    end"""
"""Less than six months there; in the top tenth of the month's active users by photos so far; all others."""

NEAREST_SCORE = Design(replacement=True, ratio=3, apart=True, squares=True, caliper_sd=0.2, bias_adjusted=True)
"""The three nearest on the propensity score, within 0.2 of its standard deviations; a comparison may serve again."""


@dataclass(frozen=True)
class Measure:
    """A number of a user-month.

    Attributes:
        name: Its column in results.
        sql: Expression over columns of the mart; null where a user-month has no such number.
        words: What it is, for people.
    """

    name: str
    sql: str
    words: str = ""


@dataclass(frozen=True)
class Dose:
    """A treatment in degrees.

    Attributes:
        measure: The degree.
        cuts: Inner edges of its groups, ascending; the group that holds ``reference`` is compared with each other one.
        reference: A degree.
        leave_out: Covariates that say what the degree says, so that they cannot be held equal.
    """

    measure: Measure
    cuts: tuple[float, ...]
    reference: float
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlaceboTreatment:
    """A treatment that cannot move the outcome, though users may choose it as they choose the treatment.

    Attributes:
        name: Short name; the name of its row in results.
        population: Which user-months take part.
        treatment: Those that took it.
        comparison: Those that they are compared with.
        leave_out: Covariates that say who took it, so that they cannot be held equal.
    """

    name: str
    population: str
    treatment: str
    comparison: str
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class MatchingExperiment:
    """What is asked of user-months.

    Attributes:
        name: Short name; the key of its results.
        question: What it asks, in words.
        population: Which user-months take part.
        treatment: Those treated.
        comparison: Those that they are compared with. Whoever is neither is left out.
        outcome: What may have changed. User-months without one are left out, and counted by arm.
        covariates: From before the treatment, and balanced.
        window: Whole months that must have been observed after the month.
        also: Further outcomes.
        placebo_outcomes: From before the treatment, which it cannot have moved.
        negative_controls: From after it, which it cannot move but a hidden cause might.
        placebo_treatments: Treatments that cannot move the outcome.
        error_of: A covariate that is a mean of scores and that the outcome is a change since, and the variance of its
            error.
        treated_later: Whether what the treatment does happened within the window too.
        trajectory: Column of ``fct_user_months`` that is drawn around the month, and what it is.
        follows_staying: Whether it is told how long the matched arms stay.
        dose: The treatment in degrees.
        period_months: User-months are matched within periods of so many months, and the month is one more covariate.
            A month by itself is too small for close matches unless many thousands take part in it.
        design: How user-months are matched.
    """

    name: str
    question: str
    population: str
    treatment: str
    comparison: str
    outcome: Measure
    covariates: tuple[Measure, ...]
    window: int
    also: tuple[Measure, ...] = ()
    placebo_outcomes: tuple[Measure, ...] = ()
    negative_controls: tuple[Measure, ...] = ()
    placebo_treatments: tuple[PlaceboTreatment, ...] = ()
    error_of: tuple[str, Measure] | None = None
    treated_later: str | None = None
    trajectory: Measure | None = None
    follows_staying: bool = False
    dose: Dose | None = None
    period_months: int = 6
    design: Design = NEAREST_SCORE

    @property
    def columns(self) -> Experiment:
        """Names of its columns, for the matching engine."""
        return Experiment(
            name=self.name,
            treatment=TREATED,
            outcome=self.outcome.name,
            covariates=(*(covariate.name for covariate in self.covariates), _MONTH_NUMBER),
            exact=(PERIOD,),
            cluster=USER,
        )

    @property
    def measures(self) -> tuple[Measure, ...]:
        """All that is read of a user-month besides user, month and arm."""
        later = (Measure("is_treated_later", self.treated_later),) if self.treated_later else ()
        dose = (self.dose.measure,) if self.dose else ()
        error = (self.error_of[1],) if self.error_of else ()
        outcomes = (self.outcome, *self.also, *self.placebo_outcomes, *self.negative_controls)
        return (*self.covariates, *outcomes, *later, *dose, *error)

    def with_placebo(self, placebo: PlaceboTreatment) -> "MatchingExperiment":
        """The same question of a treatment that cannot move the outcome."""
        return MatchingExperiment(
            name=self.name,
            question=self.question,
            population=placebo.population,
            treatment=placebo.treatment,
            comparison=placebo.comparison,
            outcome=self.outcome,
            covariates=tuple(one for one in self.covariates if one.name not in placebo.leave_out),
            window=self.window,
            period_months=self.period_months,
            design=self.design,
        )

    def query(self, *, all_doses: bool = False) -> str:
        """SQL that gives its user-months, in order; it fails where one would be in both arms.

        Args:
            all_doses: Whether those that are neither treated nor compared are read too, with an arm of null.
        """
        columns = ",\n    ".join(f"cast({m.sql} as double) as {m.name}" for m in self.measures)
        number = f"date_diff('month', date '1970-01-01', {MONTH})"
        both = f"experiment {self.name}: a user-month is both treated and compared; let none meet both conditions"
        arm = f"""case
        when ({self.treatment}) and ({self.comparison}) then error('{both}')
        when {self.treatment} then true
        when {self.comparison} then false
    end"""
        return f"""
select
    {USER},
    strftime({MONTH}, '%Y-%m') as {MONTH},
    cast({number} as double) as {_MONTH_NUMBER},
    {number} // {self.period_months} as {PERIOD},
    {arm} as {TREATED},
    {EXPERIENCE_SQL} as {EXPERIENCE},
    {columns}
from {MART}
where ({self.population}) and months_observed_after >= {self.window}
    and ({"true" if all_doses else f"({arm}) is not null"})
order by {USER}, {MONTH}
"""  # noqa: S608
