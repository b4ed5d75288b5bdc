with source as (
    {{ raw_table('customers', {
        'id': 'bigint',
        'name': dbt.type_string(),
        'tier': dbt.type_string(),
        'updated_at': type_instant(),
        '_dlt_load_id': dbt.type_string(),
    }) }}
)

select
    id as customer_id,
    name,
    tier,
    -- The type is fixed here, so that a snapshot begun on an empty table goes on with a loaded one.
    cast(updated_at as {{ type_instant() }}) as updated_at,
    _dlt_load_id
from source
