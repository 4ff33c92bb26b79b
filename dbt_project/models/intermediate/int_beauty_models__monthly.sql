{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='uploaded_month',
        batch_size='month',
        begin='1970-01-01',
        lookback=0,
        on_schema_change='fail',
        contract={'enforced': true}
    )
}}

{{ coverage_of_models('is not null') }}
