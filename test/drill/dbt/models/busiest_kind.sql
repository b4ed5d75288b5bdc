select kind, events
from {{ ref('events_by_kind') }}
order by events desc, kind
limit 1
