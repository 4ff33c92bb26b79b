select
    method,
    classes,
    silhouette,
    one_cloud_silhouette,
    one_cloud_sd,
    bic,
    stability,
    smallest_share,
    users,
    is_beyond_one_cloud,
    is_chosen
from {{ source('lake', 'class_evidence') }}
