{#
    How often a user did something in a month, of an alias of `fct_user_months`. Who did something in the last three months
    counts as active.
#}
{% macro acts_of(months) -%}
    {{ months }}.uploads + {{ months }}.favorites_given + {{ months }}.follows_made + {{ months }}.groups_joined
{%- endmacro %}
