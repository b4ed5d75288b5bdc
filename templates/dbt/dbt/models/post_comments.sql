select posts.id as post_id, posts.title, count(comments.id) as comments
from {{ source('raw', 'posts') }} as posts
left join {{ source('raw', 'comments') }} as comments on comments.post_id = posts.id
group by posts.id, posts.title
