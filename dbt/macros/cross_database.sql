{# What DuckDB and Databricks spell differently, in one place. #}

{# NULL instead of an error where the text is no value of the type. Both have TRY_CAST; dbt.safe_cast is a plain cast on DuckDB. #}
{% macro try_cast(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{# A point in time, free of the session's time zone. Databricks' TIMESTAMP is one, DuckDB's is not. #}
{% macro type_instant() -%}
    {{ return('timestamp' if target.type == 'databricks' else 'timestamptz') }}
{%- endmacro %}

{# Text without surrounding blanks; NULL where nothing is left. #}
{% macro blank_to_null(expression) -%}
    nullif(trim({{ expression }}), '')
{%- endmacro %}

{# True where the pattern occurs in the text. The pattern must not hold a single quote. #}
{% macro matches(expression, pattern) -%}
    {{ return(adapter.dispatch('matches', 'tidemark')(expression, pattern)) }}
{%- endmacro %}

{% macro default__matches(expression, pattern) -%}
    regexp_matches({{ expression }}, '{{ pattern }}')
{%- endmacro %}

{% macro databricks__matches(expression, pattern) -%}
    {{ expression }} rlike r'{{ pattern }}'
{%- endmacro %}
