with source as (
    {{ raw_table('rnc_database', {
        'id': 'bigint',
        'timestamp': type_instant(),
        'descr': dbt.type_string(),
        'current_release': 'bigint',
        'alive': dbt.type_string(),
        '_dlt_load_id': dbt.type_string(),
    }) }}
)

select
    id as database_id,
    cast({{ adapter.quote('timestamp') }} as {{ type_instant() }}) as updated_at,
    descr as database_name,
    current_release,
    alive = 'Y' as is_alive,
    _dlt_load_id
from source
