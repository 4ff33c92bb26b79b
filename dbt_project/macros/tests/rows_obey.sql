{# A condition on the columns of one row holds in every row; where it is null, nothing is known to be wrong. #}
{% test rows_obey(model, condition) %}
select *
from {{ model }}
where not ({{ condition }})
{% endtest %}
