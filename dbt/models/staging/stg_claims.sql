{#- Databricks has the table; elsewhere the source is this project's seed: it must be there first. -#}
{%- if target.type != 'databricks' %}
-- depends_on: {{ ref('claims_sample_synthetic') }}
{%- endif %}
with source as (
    select * from {{ source('healthverity', 'claims_sample_synthetic') }}
),

cleaned as (
    select
        {{ blank_to_null('claim_id') }} as claim_id,
        {{ blank_to_null('hvid') }} as hvid,
        {{ try_cast(blank_to_null('service_line_number'), 'int') }} as service_line_number,
        case upper({{ blank_to_null('claim_type') }})
            when 'P' then 'professional'
            when 'I' then 'institutional'
            else 'unknown'
        end as claim_type,
        {{ try_cast(blank_to_null('date_service'), 'date') }} as service_date,
        coalesce(upper({{ blank_to_null('payer_type') }}), 'UNSPECIFIED') as payer_type,
        {{ blank_to_null('diagnosis_code') }} as diagnosis_code,
        {{ blank_to_null('procedure_code') }} as procedure_code,
        {{ blank_to_null('revenue_code') }} as revenue_code,
        {{ blank_to_null('patient_gender') }} as patient_gender,
        {{ try_cast(blank_to_null('patient_year_of_birth'), 'int') }} as patient_year_of_birth,
        {{ blank_to_null('patient_state') }} as patient_state,
        {{ blank_to_null('patient_zip3') }} as patient_zip3,
        {{ try_cast(blank_to_null('line_charge'), 'decimal(18, 2)') }} as line_charge,
        {{ try_cast(blank_to_null('line_allowed'), 'decimal(18, 2)') }} as line_allowed,
        {{ blank_to_null('prov_billing_npi') }} as prov_billing_npi,
        {{ blank_to_null('prov_rendering_npi') }} as prov_rendering_npi
    from source
)

select
    -- The raw table has no unique key. `~` stands for NULL, so that ('a', NULL) and (NULL, 'a') differ.
    md5(
        {%- for part in ['claim_id', 'service_line_number', 'diagnosis_code', 'procedure_code', 'revenue_code', 'service_date'] %}
        coalesce(cast({{ part }} as {{ dbt.type_string() }}), '~'){{ " || '|' ||" if not loop.last }}
        {%- endfor %}
    ) as claim_line_key,
    cleaned.*,
    coalesce(line_charge < 0, false) as is_reversal
from cleaned
