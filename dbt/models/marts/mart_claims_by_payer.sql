with grouped as (
    select
        payer_type,
        coalesce(patient_state, 'UNKNOWN') as patient_state,
        claim_type,
        count(*) as claims,
        count(distinct hvid) as members,
        sum(total_charge) as total_charge,
        sum(total_allowed) as total_allowed
    from {{ ref('int_claims') }}
    group by payer_type, coalesce(patient_state, 'UNKNOWN'), claim_type
)

select
    payer_type,
    patient_state,
    claim_type,
    cast(claims as bigint) as claims,
    cast(members as bigint) as members,
    cast(total_charge as decimal(18, 2)) as total_charge,
    cast(total_allowed as decimal(18, 2)) as total_allowed,
    cast({{ ratio('total_allowed', 'claims', 2) }} as decimal(18, 2)) as avg_allowed_per_claim,
    {{ ratio('total_allowed', 'total_charge', 4) }} as allowed_ratio
from grouped
