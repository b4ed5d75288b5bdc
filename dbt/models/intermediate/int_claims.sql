-- One row per claim. Header fields repeat on every line; max() takes the one that is not NULL.
with rolled_up as (
    select
        claim_id,
        max(hvid) as hvid,
        max(claim_type) as claim_type,
        max(payer_type) as payer_type,
        max(patient_state) as patient_state,
        min(service_date) as service_date,
        count(*) as line_count,
        count(distinct diagnosis_code) as distinct_diagnoses,
        -- Reversals are negative, so a plain sum nets them; NULL money is not summed.
        cast(coalesce(sum(line_charge), 0) as decimal(18, 2)) as total_charge,
        cast(coalesce(sum(line_allowed), 0) as decimal(18, 2)) as total_allowed
    from {{ ref('stg_claims') }}
    group by claim_id
)

select
    rolled_up.*,
    {{ ratio('total_allowed', 'total_charge', 4) }} as allowed_ratio
from rolled_up
