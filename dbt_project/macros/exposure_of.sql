{# Exposure of a photo in followers: those of the owner at upload and what the public adds, not below a floor. #}
{% macro exposure_of(followers_at_upload, public_exposure) -%}
    greatest({{ followers_at_upload }} + {{ public_exposure }}, cast({{ var('exposure_floor') }} as double))
{%- endmacro %}
