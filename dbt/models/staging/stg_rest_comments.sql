with source as (
    {{ raw_table('rest_comments', {
        'id': 'bigint',
        'post_id': 'bigint',
        'name': dbt.type_string(),
        'email': dbt.type_string(),
        'body': dbt.type_string(),
        '_dlt_load_id': dbt.type_string(),
    }) }}
)

select
    id as comment_id,
    post_id,
    name as commenter_name,
    lower(email) as commenter_email,
    body,
    _dlt_load_id
from source
