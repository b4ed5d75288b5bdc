{# Fails for combinations of columns that occur more than once. NULL counts as a value. #}
{% test unique_together(model, columns) %}
    select {{ columns | join(", ") }}, count(*) as occurrences
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}
