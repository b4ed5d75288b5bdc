{# What DuckDB, PostgreSQL and Databricks spell differently, in one place. #}

{# NULL instead of an error where the text is no value of the type. dbt.safe_cast is a plain cast on DuckDB. #}
{% macro try_cast(expression, type) -%}
    {{ return(adapter.dispatch('try_cast', 'tidemark')(expression, type)) }}
{%- endmacro %}

{% macro default__try_cast(expression, type) -%}
    try_cast({{ expression }} as {{ type }})
{%- endmacro %}

{# PostgreSQL has no TRY_CAST: a pattern first, and for dates the length of the month, as 2026-02-30 is an error. #}
{% macro postgres__try_cast(expression, type) -%}
    {%- if type == 'date' -%}
    case
        when {{ expression }} !~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' then null
        when cast(substr({{ expression }}, 9, 2) as int) <= extract(
            day from cast(substr({{ expression }}, 1, 8) || '01' as date) + interval '1 month' - interval '1 day'
        ) then cast({{ expression }} as date)
    end
    {%- elif type == 'int' -%}
    case when {{ expression }} ~ '^[+-]?[0-9]{1,9}$' then cast({{ expression }} as int) end
    {%- else -%}
    {#- The outer cast: a CASE without ELSE has no scale. #}
    cast(case when {{ expression }} ~ '^[+-]?[0-9]{1,16}([.][0-9]*)?$' then cast({{ expression }} as {{ type }}) end as {{ type }})
    {%- endif -%}
{%- endmacro %}

{# A floating-point number of 64 bits. #}
{% macro type_double() -%}
    {{ return('double precision' if target.type == 'postgres' else 'double') }}
{%- endmacro %}

{# A share of two decimals; NULL where the second is 0. PostgreSQL rounds decimals only. #}
{% macro ratio(part, whole, digits) -%}
    {%- set quotient = 'cast(' ~ part ~ ' as ' ~ type_double() ~ ') / nullif(cast(' ~ whole ~ ' as ' ~ type_double() ~ '), 0)' -%}
    {%- if target.type == 'postgres' -%}
    cast(round(cast({{ quotient }} as numeric), {{ digits }}) as double precision)
    {%- else -%}
    round({{ quotient }}, {{ digits }})
    {%- endif -%}
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

{% macro postgres__matches(expression, pattern) -%}
    {{ expression }} ~ '{{ pattern }}'
{%- endmacro %}

{% macro databricks__matches(expression, pattern) -%}
    {{ expression }} rlike r'{{ pattern }}'
{%- endmacro %}
