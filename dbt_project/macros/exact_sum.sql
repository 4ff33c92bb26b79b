{#
    Sum of doubles that does not depend on row order, threads or batches: terms are rounded to 1e-15 and added as
    decimals. Terms must stay below 1e22 in magnitude.
#}
{% macro exact_sum(expression) -%}
    cast(sum(cast({{ expression }} as decimal(38, 15))) as double)
{%- endmacro %}
