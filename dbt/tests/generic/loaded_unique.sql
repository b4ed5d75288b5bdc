{# unique for a source: a table that no pipeline has loaded yet passes. #}
{% test loaded_unique(model, column_name) %}
    {%- if execute and load_relation(model) is none %}
    select 1 as nothing_loaded where 1 = 0
    {%- else %}
    select {{ adapter.quote(column_name) }}, count(*) as occurrences
    from {{ model }}
    where {{ adapter.quote(column_name) }} is not null
    group by {{ adapter.quote(column_name) }}
    having count(*) > 1
    {%- endif %}
{% endtest %}
