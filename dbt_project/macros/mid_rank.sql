{#
    Share of the other rows whose value is lower, equal ones counted half, from 0 to 1: of all rows, or of those for which
    the expressions of `within` are the same. 0.5 where there are no others.
#}
{% macro mid_rank(value, within='') -%}
    coalesce(
        (
            rank() over ({% if within %}partition by {{ within }} {% endif %}order by {{ value }})
            - 1
            + (count(*) over (partition by {% if within %}{{ within }}, {% endif %}{{ value }}) - 1) / 2.0
        )
        / nullif(count(*) over ({% if within %}partition by {{ within }}{% endif %}) - 1, 0),
        0.5
    )
{%- endmacro %}
