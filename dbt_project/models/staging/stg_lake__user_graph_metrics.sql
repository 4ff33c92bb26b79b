select
    snapshot_month,
    user_id,
    node,
    followees,
    followers,
    mutual_links,
    reciprocity,
    triangles,
    clustering,
    core,
    pagerank,
    community,
    component
from {{ source('lake', 'user_graph_metrics') }}
