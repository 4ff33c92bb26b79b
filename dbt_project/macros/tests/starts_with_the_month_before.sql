{#
    A count at the start of a month is the count at the end of the month before, in the relation `ends`, in which every
    user is. The first month of a user there is not looked at: it may start with links without a time, which have stood
    from the start.
#}
{% test starts_with_the_month_before(model, column_name, ends) %}
select
    starts.user_id,
    starts.event_month,
    starts.{{ column_name }} as found,
    ends.{{ column_name }} as expected
from {{ model }} as starts
left join (
    select
        user_id,
        min(event_month) as first_month
    from {{ ends }}
    group by user_id
) as users on starts.user_id = users.user_id
left join {{ ends }} as ends
    on
        starts.user_id = ends.user_id
        and starts.event_month = cast(ends.event_month + interval 1 month as date)
where
    users.first_month is null
    or (starts.event_month > users.first_month and starts.{{ column_name }} is distinct from ends.{{ column_name }})
{% endtest %}
