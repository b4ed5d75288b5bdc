{# not_null for a source: a table that no pipeline has loaded yet passes. #}
{% test loaded_not_null(model, column_name) %}
    {%- if execute and load_relation(model) is none %}
    select 1 as nothing_loaded where 1 = 0
    {%- else %}
    select {{ adapter.quote(column_name) }}
    from {{ model }}
    where {{ adapter.quote(column_name) }} is null
    {%- endif %}
{% endtest %}
