-- Moments of the Gamma-Poisson model: favorites ~ Poisson(rate x exposure), rates with this mean and variance (Marshall
-- 1991, Mapping disease and mortality rates using empirical Bayes estimators, Applied Statistics 40). Without any
-- exposure there is no row.
with sums as (
    select
        count(*) as users,
        cast(sum(favorites_in_window) as double) / {{ exact_sum('exposure') }} as rate_mean,
        {{ exact_sum('exposure') }} as exposure
    from {{ ref('int_user_recognition__sums') }}
)

select
    sums.users,
    sums.rate_mean,
    greatest(
        0,
        {{ exact_sum('members.exposure * (members.favorites_in_window / members.exposure - sums.rate_mean) ** 2') }}
        / sums.exposure - sums.rate_mean * sums.users / sums.exposure
    ) as rate_variance
from {{ ref('int_user_recognition__sums') }} as members
cross join sums
group by sums.users, sums.rate_mean, sums.exposure
