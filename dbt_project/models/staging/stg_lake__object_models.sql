select
    model_version,
    preprocessing_hash,
    architecture,
    classes,
    parameters,
    training_images,
    held_out_images,
    accuracy,
    lower,
    upper,
    chance_accuracy
from {{ source('lake', 'object_model') }}
