with claims as (
    select * from {{ ref('int_claims') }}
    where hvid is not null
),

payer_counts as (
    select hvid, payer_type, count(*) as claims
    from claims
    group by hvid, payer_type
),

-- The payer of most claims; the first by name where two have as many.
primary_payer as (
    select hvid, payer_type
    from (
        select
            hvid,
            payer_type,
            row_number() over (partition by hvid order by claims desc, payer_type) as place
        from payer_counts
    ) as ranked
    where place = 1
),

summed as (
    select
        hvid,
        coalesce(max(patient_state), 'UNKNOWN') as patient_state,
        count(*) as claim_count,
        sum(line_count) as total_service_lines,
        sum(total_charge) as total_charge,
        sum(total_allowed) as total_allowed,
        min(service_date) as first_claim_date,
        max(service_date) as last_claim_date
    from claims
    group by hvid
)

select
    summed.hvid,
    primary_payer.payer_type as primary_payer_type,
    summed.patient_state,
    cast(summed.claim_count as bigint) as claim_count,
    -- sum() of counts is a 128-bit integer on DuckDB and a decimal elsewhere.
    cast(summed.total_service_lines as bigint) as total_service_lines,
    cast(summed.total_charge as decimal(18, 2)) as total_charge,
    cast(summed.total_allowed as decimal(18, 2)) as total_allowed,
    summed.first_claim_date,
    summed.last_claim_date
from summed
inner join primary_payer
    on primary_payer.hvid = summed.hvid
