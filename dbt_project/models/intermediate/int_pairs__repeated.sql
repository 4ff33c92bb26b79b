-- One look at all links, however many links a pair has; the groups go to disk where they do not fit into memory.
select
    follower_id,
    followee_id
from {{ ref('stg_lake__edges') }}
group by follower_id, followee_id
having count(*) > 1
