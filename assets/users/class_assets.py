"""Classes of users, and how long the users of each stay.

The arithmetic stands in ``classes.py``, ``profiles.py`` and ``survival.py``. Each table is written whole, and left
alone where its inputs, its configuration and the code are those of the last run.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets.contracts.provenance import code_version_of
from assets.contracts.table import TableContract
from assets.contracts.users_results import (
    CLASS_EVIDENCE,
    CLASS_SURVIVAL,
    CLASS_SURVIVAL_MEDIANS,
    CLASS_SURVIVAL_TESTS,
    LANDMARK,
    USER_CLASS_PROFILES,
    USER_CLASSES,
    WHOLE_HISTORY,
)
from assets.contracts.wording import counted
from assets.figures import bands_figure, heat_map_figure, intervals_figure, steps_figure
from assets.metadata import (
    markdown_table,
    not_made,
    picture,
    table_result,
    table_spec,
)
from assets.resources import LakeResource, WarehouseResource
from assets.users import measures, survival
from assets.users.classes import (
    FEWEST_USERS,
    ClassesConfig,
    broken_evidence,
    evidence_curves,
    said_of_evidence,
    still_features,
)
from assets.users.profiles import (
    broken_profiles,
    class_tables,
    classified_users,
    misplaced_users,
    profile_matrix,
    said_of_profiles,
    sizes_shown,
)
from assets.whole_tables import made_together, unmade

_CLASS_CODE = code_version_of("assets.users.classes", "assets.users.measures", "assets.users.profiles")
_SURVIVAL_CODE = code_version_of(
    "assets.users.classes", "assets.users.measures", "assets.users.profiles", "assets.users.survival"
)

CLASS_CHECKS = {
    USER_CLASSES.key: ("classes_hold_whom_profiles_count", "Classes hold as many users as their profiles say."),
    USER_CLASS_PROFILES.key: (
        "profiles_add_up_to_all_users",
        "Profiles count every classified user once, under names of their own, and their standardised means balance.",
    ),
    CLASS_EVIDENCE.key: (
        "number_of_classes_follows_the_rule",
        "One number of classes is chosen, it is the one that the rule gives, and users fall into as many.",
    ),
}
SURVIVAL_CHECKS = {
    CLASS_SURVIVAL.key: (
        ("survival_starts_at_one_and_never_rises", "So do curves, within their bands, while users at risk get fewer."),
        (
            "curves_hold_every_user_once",
            "Curves over the whole history start with each classified user of known duration, once.",
        ),
    ),
    CLASS_SURVIVAL_MEDIANS.key: (
        (
            "medians_lie_in_their_intervals",
            "Medians lie in their intervals, and are there if their curve falls to one half.",
        ),
    ),
    CLASS_SURVIVAL_TESTS.key: (("tests_cover_all_curves", "Each test compares the classes and users of its curves."),),
}


def _specs(
    contracts: Sequence[TableContract], deps: Sequence[str], code_version: str, kinds: set[str]
) -> list[dg.AssetSpec]:
    return [table_spec(contract, "users", deps, kinds, code_version) for contract in contracts]


class ClassSettings(dg.Config):
    """How classes are made; the same values give the same classes."""

    most_classes: int = Field(default=ClassesConfig.most_classes, ge=2, description="Largest number of classes tried.")
    refits: int = Field(default=ClassesConfig.refits, ge=2, description="Bootstrap samples for stability.")
    clouds: int = Field(default=ClassesConfig.clouds, ge=2, description="Normal clouds that are cut for comparison.")
    evidence_users: int = Field(
        default=ClassesConfig.evidence_users, ge=FEWEST_USERS, description="Users on whom evidence rests, at most."
    )
    seed: int = Field(default=ClassesConfig.seed, description="Seed of all draws.")


_CLASS_TABLES = (USER_CLASSES, USER_CLASS_PROFILES, CLASS_EVIDENCE)


@dg.multi_asset(
    name="user_classes",
    specs=_specs(_CLASS_TABLES, measures.READ_MARTS, _CLASS_CODE, {"parquet", "scikitlearn"}),
    check_specs=[dg.AssetCheckSpec(name, asset=key, description=said) for key, (name, said) in CLASS_CHECKS.items()],
)
def user_classes(
    context: dg.AssetExecutionContext, config: ClassSettings, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """Which classes do users fall into, and how sure is that?"""
    store, marts = lake.open(), published.open()
    users = classified_users(marts.read(measures.MEASURES_OF_USERS))
    if users.num_rows < FEWEST_USERS:
        reason = f"{counted(users.num_rows, 'user')} with beauty; classes need {FEWEST_USERS}"
        unmade(store, *_CLASS_TABLES)
        yield from (not_made(key, reason, check) for key, (check, _) in CLASS_CHECKS.items())
        return
    chosen = config.model_dump()
    tables = made_together(
        context,
        store,
        _CLASS_TABLES,
        {"measures_of_users": marts.fingerprint_of(measures.MEASURES_OF_USERS)},
        chosen,
        lambda: class_tables(users, ClassesConfig(**chosen)),
    )
    yield from _class_results(users, tables)


def _class_results(users: pa.Table, tables: dict[str, pa.Table]) -> Iterator[dg.MaterializeResult]:
    assigned = tables[USER_CLASSES.key]
    profiles, evidence = (tables[contract.key].to_pylist() for contract in (USER_CLASS_PROFILES, CLASS_EVIDENCE))
    lines, columns, values = profile_matrix(profiles)
    yield _result(
        USER_CLASSES,
        assigned.num_rows,
        {CLASS_CHECKS[USER_CLASSES.key][0]: misplaced_users(assigned, profiles)},
        finding=said_of_profiles(profiles),
        sizes=picture(intervals_figure({"users": sizes_shown(profiles)}, "Users by class", "users", (0.0,))),
    )
    yield _result(
        USER_CLASS_PROFILES,
        len(profiles),
        {CLASS_CHECKS[USER_CLASS_PROFILES.key][0]: broken_profiles(profiles, users.num_rows)},
        finding=said_of_profiles(profiles),
        features_left_out=", ".join(still_features(users)) or "none",
        profile=picture(
            heat_map_figure(lines, columns, values, "Classes of users, standard deviations from the mean", reach=1.5)
        ),
        all=markdown_table(profiles),
    )
    yield _result(
        CLASS_EVIDENCE,
        len(evidence),
        {CLASS_CHECKS[CLASS_EVIDENCE.key][0]: broken_evidence(evidence, len(profiles))},
        finding=said_of_evidence(evidence),
        evidence=picture(
            bands_figure(
                evidence_curves(evidence), f"{len(profiles)} classes chosen (shade: cuts of one cloud)", "classes"
            )
        ),
        all=markdown_table(evidence),
    )


class SurvivalSettings(dg.Config):
    """Where the landmark is, and how classes are made there; the same values give the same classes."""

    landmark_days: int = Field(
        default=survival.LANDMARK_DAYS,
        ge=0,
        description="Classes rest on what was known at the end of the month of this day since the start.",
    )
    seed: int = Field(default=ClassesConfig.seed, description="Seed of the classes at the landmark.")


_SURVIVAL_TABLES = (CLASS_SURVIVAL, CLASS_SURVIVAL_MEDIANS, CLASS_SURVIVAL_TESTS)


@dg.multi_asset(
    name="class_survival",
    specs=_specs(_SURVIVAL_TABLES, [USER_CLASSES.key, *survival.READ_MARTS], _SURVIVAL_CODE, {"parquet"}),
    check_specs=[
        dg.AssetCheckSpec(name, asset=key, description=said)
        for key, checks in SURVIVAL_CHECKS.items()
        for name, said in checks
    ],
)
def class_survival(
    context: dg.AssetExecutionContext, config: SurvivalSettings, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """How long do users of each class stay?"""
    store, marts = lake.open(), published.open()
    durations, classes = marts.read(survival.DURATIONS_OF_USERS), store.read(USER_CLASSES)
    if not classes.num_rows or not survival.with_class(durations, classes).num_rows:
        reason = "users have no classes" if not classes.num_rows else "no user of a class has a known duration"
        unmade(store, *_SURVIVAL_TABLES)
        for key, checks in SURVIVAL_CHECKS.items():
            yield not_made(key, reason, *(name for name, _ in checks))
        return
    day, settings = config.landmark_days, ClassesConfig(seed=config.seed)
    inputs = {
        "durations_of_users": marts.fingerprint_of(survival.DURATIONS_OF_USERS),
        "users_at_landmark": marts.fingerprint_of(survival.USERS_AT_LANDMARK, [day]),
        **store.fingerprints(USER_CLASSES.key),
    }
    tables = made_together(
        context,
        store,
        _SURVIVAL_TABLES,
        inputs,
        config.model_dump(),
        lambda: survival.survival_tables(
            durations, classes, marts.read(survival.USERS_AT_LANDMARK, [day]), day, settings
        ),
    )
    yield from _survival_results(durations, classes, {key: table.to_pylist() for key, table in tables.items()})


def _survival_results(
    durations: pa.Table, classes: pa.Table, tables: dict[str, list[dict[str, Any]]]
) -> Iterator[dg.MaterializeResult]:
    curves, medians, tests = (tables[contract.key] for contract in _SURVIVAL_TABLES)
    falling, once = (name for name, _ in SURVIVAL_CHECKS[CLASS_SURVIVAL.key])
    titles = {
        WHOLE_HISTORY: (
            "Time on the platform by class (long stayers favored)",
            "days since the start, while ten or more are at risk",
        ),
        LANDMARK: (
            "Time after the landmark, by class at the landmark",
            "days since the landmark, while ten or more are at risk",
        ),
    }
    yield _result(
        CLASS_SURVIVAL,
        len(curves),
        {
            falling: ", ".join(survival.broken_survival(curves)),
            once: survival.uncounted_users(curves, durations, classes),
        },
        finding=survival.said_of_survival(curves, tests),
        **{
            row["basis"]: picture(
                steps_figure(
                    survival.shown_steps(curves, row["basis"]),
                    titles[row["basis"]][0],
                    titles[row["basis"]][1],
                    "still there",
                )
            )
            for row in tests
        },
    )
    yield _result(
        CLASS_SURVIVAL_MEDIANS,
        len(medians),
        {SURVIVAL_CHECKS[CLASS_SURVIVAL_MEDIANS.key][0][0]: ", ".join(survival.broken_medians(medians, curves))},
        medians=picture(
            intervals_figure(
                survival.shown_medians(medians),
                "When half of a class has left; no point where half are still there",
                "days",
                (0.0,),
            )
        ),
        all=markdown_table(medians),
    )
    yield _result(
        CLASS_SURVIVAL_TESTS,
        len(tests),
        {SURVIVAL_CHECKS[CLASS_SURVIVAL_TESTS.key][0][0]: ", ".join(survival.broken_tests(tests, medians))},
        p_values=picture(
            intervals_figure(
                {"classes": survival.shown_tests(tests)},
                "Do classes stay equally long? Left of the line: no",
                "p-value",
                (0.05,),
            )
        ),
        all=markdown_table(tests),
    )


def _result(contract: TableContract, rows: int, wrong: dict[str, str], **metadata: Any) -> dg.MaterializeResult:
    """What stands in a table, with its checks: check -> what is wrong, empty where nothing is."""
    fine = f"true of {counted(rows, 'row')}" if rows else "there is nothing to look at"
    return table_result(
        contract, rows, {name: (rows > 0 and not said, said or fine) for name, said in wrong.items()}, **metadata
    )


ASSETS = [user_classes, class_survival]
