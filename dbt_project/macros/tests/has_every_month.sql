{# Every user has one row in each month from the first of theirs to the last of all; `tenure` counts them from 0. #}
{% test has_every_month(model, tenure) %}
select
    user_id,
    count(*) as months
from {{ model }}
group by user_id
having
    count(*) != date_diff('month', min(event_month), max(event_month)) + 1
    or count(distinct event_month) != count(*)
    or max(event_month) != (select max(latest.event_month) from {{ model }} as latest)
    or min({{ tenure }}) != 0
    or max({{ tenure }}) != count(*) - 1
{% endtest %}
