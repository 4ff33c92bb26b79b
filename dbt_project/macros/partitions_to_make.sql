{#
    Query of the months of a lake table from which a model must be made that keeps, beside every row, the month and the
    digest that it was made from (int_lake__digests): those whose digest is not among `made`; all of them, where nothing is
    made yet (`made` is none).
#}
{% macro partitions_to_make(lake_table, made, month, digest) -%}
    select
        known.source_month,
        known.digest
    from {{ ref('int_lake__digests') }} as known
    {%- if made is not none %}
    anti join (select distinct {{ month }} as source_month, {{ digest }} as digest from {{ made }}) as made
        on known.source_month = made.source_month and known.digest = made.digest
    {%- endif %}
    where known.lake_table = '{{ lake_table }}'
{%- endmacro %}


{# Post-hook of such a model: what was made from months that have changed since, or are gone. #}
{% macro delete_what_is_stale(made, lake_table, month, digest) -%}
delete from {{ made }} as made
where not exists (
    select 1
    from {{ ref('int_lake__digests') }} as known
    where
        known.lake_table = '{{ lake_table }}'
        and known.source_month = made.{{ month }}
        and known.digest = made.{{ digest }}
)
{%- endmacro %}


{#
    Condition that an instant, or another type of time, lies between the first and the last month of a query, as literals,
    which reach into files and below joins. It may let through more than the months themselves. Without a query, and before
    there are tables, all pass.
#}
{% macro lies_within(instant, months, month='event_month', type='timestamptz') -%}
    {%- if months is none or not execute -%}
        true
    {%- else -%}
        {%- set bounds = run_query('select min(' ~ month ~ '), max(' ~ month ~ ') + interval 1 month from (' ~ months ~ ')') -%}
        {%- set first, end = bounds.rows[0][0], bounds.rows[0][1] -%}
        {%- if first is none -%}
            false
        {%- else -%}
            {{ instant }} >= cast('{{ first }}' as {{ type }}) and {{ instant }} < cast('{{ end }}' as {{ type }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
