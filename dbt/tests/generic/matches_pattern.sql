{# Fails for texts in which the pattern does not occur; NULL passes. #}
{% test matches_pattern(model, column_name, pattern) %}
    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} is not null
        and not ({{ tidemark.matches(column_name, pattern) }})
{% endtest %}
