{#
    Query of the months that a model must make which keeps, beside every month, the digest that the month was made with
    (int_user_months__digests): from the first whose digest differs from that in `made`, or that is new or gone, to the
    last; all of them, where nothing is made yet (`made` is none).
#}
{% macro months_to_make(made) -%}
    select digests.*
    from {{ ref('int_user_months__digests') }} as digests
    {%- if made is not none %}
    inner join (
        select min(coalesce(known.event_month, made.event_month)) as first_month
        from {{ ref('int_user_months__digests') }} as known
        full join (select distinct event_month, month_digest from {{ made }}) as made
            on known.event_month = made.event_month and known.month_digest = made.month_digest
        where known.event_month is null or made.event_month is null
    ) as stale on digests.event_month >= stale.first_month
    {%- endif %}
{%- endmacro %}


{# Post-hook of such a model: months that the community no longer has. #}
{% macro delete_months_that_are_gone(made) -%}
delete from {{ made }}
where event_month not in (select event_month from {{ ref('int_user_months__digests') }})
{%- endmacro %}
