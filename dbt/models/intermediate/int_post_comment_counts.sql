select
    post_id,
    count(*) as comment_count,
    count(distinct commenter_email) as distinct_commenters
from {{ ref('stg_rest_comments') }}
group by post_id
