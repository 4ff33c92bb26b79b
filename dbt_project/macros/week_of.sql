{# Monday of the ISO week in UTC of an instant, as a date; see `month_of`. #}
{% macro week_of(instant) -%}
    cast(date_trunc('week', make_timestamp(epoch_us({{ instant }}))) as date)
{%- endmacro %}
