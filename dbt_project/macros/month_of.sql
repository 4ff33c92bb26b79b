{#
    First day of the calendar month in UTC of an instant, as a date. Through microseconds, because `date_trunc` of an
    instant follows the session's time zone and is several times slower.
#}
{% macro month_of(instant) -%}
    cast(date_trunc('month', make_timestamp(epoch_us({{ instant }}))) as date)
{%- endmacro %}
