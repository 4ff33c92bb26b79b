{#
    One view per lake table in the schema `lake`, over a literal list of the files that commits name. A glob would
    read data that was staged and never committed. A table without any partition becomes an empty view with its types.
#}
{% macro create_lake_views() %}
    {%- if execute -%}
        {%- set catalog = read_lake_catalog(env_var('BEAUTYFLOW_LAKE_CATALOG')) -%}
        create schema if not exists lake;
        {%- for name, table in catalog.tables.items() %}
        create or replace view lake.{{ adapter.quote(name) }} as {{ lake_view_query(table) }};
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro read_lake_catalog(path) %}
    {%- set content = run_query("select content from read_text('" ~ path | replace("'", "''") ~ "')") -%}
    {{ return(fromjson(content.columns[0].values()[0])) }}
{% endmacro %}


{% macro lake_view_query(table) %}
    {%- set files = [] -%}
    {%- for file in table.files -%}
        {%- do files.append("'" ~ file | replace("'", "''") ~ "'") -%}
    {%- endfor -%}
    {%- set columns = [] -%}
    {%- set nothing = [] -%}
    {%- for name, type in table.columns.items() -%}
        {%- do columns.append("cast(" ~ adapter.quote(name) ~ " as " ~ type ~ ") as " ~ adapter.quote(name)) -%}
        {%- do nothing.append("cast(null as " ~ type ~ ") as " ~ adapter.quote(name)) -%}
    {%- endfor -%}
    {%- set empty = "select " ~ nothing | join(", ") ~ " where false" -%}
    {%- if not files -%}
        {{ return(empty) }}
    {%- elif table.uniform -%}
        {{ return("select " ~ columns | join(", ") ~ " from read_parquet([" ~ files | join(", ") ~ "])") }}
    {%- else -%}
        {#- Some files were committed under an older contract: a column that they lack is null. -#}
        {%- set rows = "from read_parquet([" ~ files | join(", ") ~ "], union_by_name = true)" -%}
        {{ return("select " ~ columns | join(", ") ~ " from (" ~ rows ~ " union all by name " ~ empty ~ ")") }}
    {%- endif -%}
{% endmacro %}
