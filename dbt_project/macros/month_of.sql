{# First day of the calendar month (UTC) of a timestamp, as a date. #}
{% macro month_of(timestamp) -%}
    cast(date_trunc('month', {{ timestamp }}) as date)
{%- endmacro %}
