{#
  The columns of a raw table that a staging model reads, or no rows of the same shape while nothing has loaded that
  table yet. So a project in which only some pipelines run still builds; the log says which tables are missing.
  `columns`: name -> type.
#}
{% macro raw_table(table, columns) %}
    {%- set relation = source('raw', table) -%}
    {%- set found = load_relation(relation) if execute else relation -%}
    {%- if found -%}
        select
            {% for name in columns -%}
            {{ adapter.quote(name) }}{{ "," if not loop.last }}
            {% endfor %}
        from {{ relation }}
    {%- else -%}
        {%- do exceptions.warn("Raw table " ~ relation ~ " is not loaded yet: " ~ model.name ~ " is empty until a pipeline loads it.") -%}
        select
            {% for name, type in columns.items() -%}
            cast(null as {{ type }}) as {{ adapter.quote(name) }}{{ "," if not loop.last }}
            {% endfor %}
        where 1 = 0
    {%- endif -%}
{% endmacro %}

{#
  Rules out the silent failure: dbt reading another schema than the one the pipelines load, and building marts of
  nothing. A dataset that any pipeline loaded has `_dlt_loads`.
#}
{% macro require_raw_dataset() %}
    {%- if execute and flags.WHICH in ('build', 'run', 'snapshot') and not var('allow_empty_raw', false) -%}
        {%- set found = namespace(tables=0) -%}
        {%- set place = namespace(database=target.database, schema=env_var('DLT_DATASET_NAME', 'raw')) -%}
        {%- for node in graph.sources.values() if node.source_name == 'raw' -%}
            {%- set place.database = node.database -%}
            {%- set place.schema = node.schema -%}
            {%- if adapter.get_relation(node.database, node.schema, node.identifier) -%}
                {%- set found.tables = found.tables + 1 -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not found.tables and not adapter.get_relation(place.database, place.schema, '_dlt_loads') -%}
            {%- do exceptions.raise_compiler_error(
                "DBT_SCHEMA_MISMATCH: dbt reads schema " ~ place.schema ~ " of database " ~ place.database
                ~ ", and no pipeline has loaded anything there. Run a pipeline first, or give both sides the same DLT_DATASET_NAME"
                ~ " and the same database. To build without raw data: --vars '{allow_empty_raw: true}'."
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
