{#
    The table has rows. `given` names relations without which there can be none: where one of them is empty, as in a
    graph without photos, an empty table is right; `where_given` narrows the first of them, or as a list each of them in
    order. Without `given`, an empty table always fails.
#}
{% test is_not_empty(model, given=[], where_given=[]) %}
{%- set conditions = [where_given] if where_given is string else where_given %}
select 'empty' as problem
where
    not exists (select 1 from {{ model }})
    {%- for relation in given %}
    and exists (select 1 from {{ relation }} where {{ conditions[loop.index0] or 'true' }})
    {%- endfor %}
{% endtest %}
