{#
    What has stood from the start: the month, and the moment, of links and memberships without a time. The same moment as
    in `int_users__followers`.
#}
{% macro before_all_months() -%}
    date '0001-01-01'
{%- endmacro %}


{% macro before_all_moments() -%}
    cast('0001-01-01 00:00:00+00' as timestamptz)
{%- endmacro %}
