with source as (
    {{ raw_table('rest_posts', {
        'id': 'bigint',
        'user_id': 'bigint',
        'title': dbt.type_string(),
        'body': dbt.type_string(),
        '_dlt_load_id': dbt.type_string(),
    }) }}
)

select
    id as post_id,
    user_id,
    title,
    body,
    _dlt_load_id
from source
