{#
    A count at the start of a month is the count at the end of the month before, in the relation `ends`. Months before
    which a user has no row there are not looked at: the first month of a user may start with links without a time, which
    have stood from the start.
#}
{% test starts_with_the_month_before(model, column_name, ends) %}
select
    starts.user_id,
    starts.event_month,
    starts.{{ column_name }} as found,
    ends.{{ column_name }} as expected
from {{ model }} as starts
inner join {{ ends }} as ends
    on
        starts.user_id = ends.user_id
        and starts.event_month = cast(ends.event_month + interval 1 month as date)
where starts.{{ column_name }} is distinct from ends.{{ column_name }}
{% endtest %}
