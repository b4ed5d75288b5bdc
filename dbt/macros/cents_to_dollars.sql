{# Whole cents to dollars with two decimals. #}
{% macro cents_to_dollars(column, scale=2) -%}
    cast(round({{ column }} / 100.0, {{ scale }}) as decimal(18, {{ scale }}))
{%- endmacro %}
