access_token
    number bigint NOT NULL DEFAULT nextval('access_token_number_seq'::regclass)
    name text NOT NULL
    hash text NOT NULL
    scopes text NOT NULL
    teams text
    created_at bigint NOT NULL
    created_by text NOT NULL
    expires_at bigint
    revoked_at bigint
    revoked_by text
    CONSTRAINT pk_access_token PRIMARY KEY (number)
    CONSTRAINT uq_access_token_hash UNIQUE (hash)
    CREATE UNIQUE INDEX pk_access_token ON public.access_token USING btree (number)
    CREATE UNIQUE INDEX uq_access_token_hash ON public.access_token USING btree (hash)
adjustment
    number bigint NOT NULL DEFAULT nextval('adjustment_number_seq'::regclass)
    period text NOT NULL
    about text
    cause text NOT NULL
    team_id bigint
    customer_id bigint
    cost_center_id bigint
    provider text
    currency text NOT NULL
    amount text NOT NULL
    reason text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    seal text
    previous_seal text
    sealed_by_migration boolean NOT NULL DEFAULT false
    CONSTRAINT pk_adjustment PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_adjustment ON public.adjustment USING btree (number)
alembic_version
    version_num character varying(32) NOT NULL
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    CREATE UNIQUE INDEX alembic_version_pkc ON public.alembic_version USING btree (version_num)
alert
    number bigint NOT NULL DEFAULT nextval('alert_number_seq'::regclass)
    rule text NOT NULL
    kind text NOT NULL
    crossing text NOT NULL
    turn integer NOT NULL
    scope text NOT NULL
    subject text
    title text NOT NULL
    text text NOT NULL
    facts text NOT NULL
    fired_at bigint NOT NULL
    ended_at bigint
    CONSTRAINT pk_alert PRIMARY KEY (number)
    CONSTRAINT uq_alert_rule_crossing_turn UNIQUE (rule, crossing, turn)
    CREATE UNIQUE INDEX pk_alert ON public.alert USING btree (number)
    CREATE UNIQUE INDEX uq_alert_rule_crossing_turn ON public.alert USING btree (rule, crossing, turn)
alert_message
    number bigint NOT NULL DEFAULT nextval('alert_message_number_seq'::regclass)
    alert_number bigint NOT NULL
    target text NOT NULL
    status text NOT NULL
    attempts integer NOT NULL
    due_at bigint NOT NULL
    sent_at bigint
    said text NOT NULL
    CONSTRAINT pk_alert_message PRIMARY KEY (number)
    CONSTRAINT uq_alert_message_alert_number_target UNIQUE (alert_number, target)
    CREATE UNIQUE INDEX pk_alert_message ON public.alert_message USING btree (number)
    CREATE UNIQUE INDEX uq_alert_message_alert_number_target ON public.alert_message USING btree (alert_number, target)
alert_rule
    number bigint NOT NULL DEFAULT nextval('alert_rule_number_seq'::regclass)
    name text NOT NULL
    kind text
    facts text NOT NULL
    targets text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    CONSTRAINT pk_alert_rule PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_alert_rule ON public.alert_rule USING btree (number)
allocation_rule
    number bigint NOT NULL DEFAULT nextval('allocation_rule_number_seq'::regclass)
    pool text NOT NULL
    method text NOT NULL
    targets text NOT NULL
    fallback text NOT NULL
    first_day integer
    end_day integer
    reason text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    CONSTRAINT pk_allocation_rule PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_allocation_rule ON public.allocation_rule USING btree (number)
assignment
    number bigint NOT NULL DEFAULT nextval('assignment_number_seq'::regclass)
    subject_kind text NOT NULL
    subject text NOT NULL
    target_kind text NOT NULL
    targets text NOT NULL
    first_day integer
    end_day integer
    reason text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    CONSTRAINT pk_assignment PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_assignment ON public.assignment USING btree (number)
attribution
    attribution_id bigint NOT NULL DEFAULT nextval('attribution_attribution_id_seq'::regclass)
    digest bytea NOT NULL
    virtual_key_id bigint
    team_id bigint
    customer_id bigint
    business_unit_id bigint
    project_id bigint
    environment_id bigint
    application_id bigint
    CONSTRAINT pk_attribution PRIMARY KEY (attribution_id)
    CONSTRAINT uq_attribution_digest UNIQUE (digest)
    CREATE UNIQUE INDEX pk_attribution ON public.attribution USING btree (attribution_id)
    CREATE UNIQUE INDEX uq_attribution_digest ON public.attribution USING btree (digest)
audit_entry
    number bigint NOT NULL DEFAULT nextval('audit_entry_number_seq'::regclass)
    at bigint NOT NULL
    by text NOT NULL
    action text NOT NULL
    subject text NOT NULL
    detail text NOT NULL
    seal text
    previous_seal text
    sealed_by_migration boolean NOT NULL DEFAULT false
    CONSTRAINT pk_audit_entry PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_audit_entry ON public.audit_entry USING btree (number)
budget
    number bigint NOT NULL DEFAULT nextval('budget_number_seq'::regclass)
    name text NOT NULL
    scope text NOT NULL
    subject text
    per text NOT NULL
    amount text
    tokens bigint
    currency text NOT NULL
    thresholds text NOT NULL
    first_day integer
    end_day integer
    reason text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    counts text
    CONSTRAINT pk_budget PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_budget ON public.budget USING btree (number)
call_span
    event_id bytea NOT NULL
    call_id bytea NOT NULL
    content_hash bytea NOT NULL
    source_id bigint NOT NULL
    trace_id text NOT NULL
    span_id text NOT NULL
    parent_span_id text
    scope text NOT NULL
    response_id text
    started_at bigint NOT NULL
    ended_at bigint NOT NULL
    earliest_at bigint NOT NULL
    model text
    model_requested text
    input_tokens bigint
    output_tokens bigint
    succeeded boolean NOT NULL
    completeness bigint NOT NULL
    sent_with text
    CONSTRAINT pk_call_span PRIMARY KEY (event_id)
    CREATE INDEX ix_call_span_trace_id_ended_at ON public.call_span USING btree (trace_id, ended_at)
    CREATE UNIQUE INDEX pk_call_span ON public.call_span USING btree (event_id)
cost_center
    entry_id bigint NOT NULL
    gl_code text
    CONSTRAINT pk_cost_center PRIMARY KEY (entry_id)
    CREATE UNIQUE INDEX pk_cost_center ON public.cost_center USING btree (entry_id)
delivery
    number bigint NOT NULL DEFAULT nextval('delivery_number_seq'::regclass)
    what text NOT NULL
    target text NOT NULL
    schedule_number bigint NOT NULL
    period text NOT NULL
    status text NOT NULL
    attempts integer NOT NULL
    due_at bigint NOT NULL
    sent_at bigint
    said text NOT NULL
    CONSTRAINT pk_delivery PRIMARY KEY (number)
    CONSTRAINT uq_delivery_what_target UNIQUE (what, target)
    CREATE UNIQUE INDEX pk_delivery ON public.delivery USING btree (number)
    CREATE UNIQUE INDEX uq_delivery_what_target ON public.delivery USING btree (what, target)
directory
    entry_id bigint NOT NULL DEFAULT nextval('directory_entry_id_seq'::regclass)
    kind text NOT NULL
    ident text NOT NULL
    name text
    given_name text
    hint text
    first_seen_at bigint NOT NULL
    CONSTRAINT pk_directory PRIMARY KEY (entry_id)
    CONSTRAINT uq_directory_kind_ident UNIQUE (kind, ident)
    CREATE UNIQUE INDEX pk_directory ON public.directory USING btree (entry_id)
    CREATE UNIQUE INDEX uq_directory_kind_ident ON public.directory USING btree (kind, ident)
directory_alias
    kind text NOT NULL
    ident text NOT NULL
    entry_id bigint NOT NULL
    CONSTRAINT pk_directory_alias PRIMARY KEY (kind, ident)
    CREATE UNIQUE INDEX pk_directory_alias ON public.directory_alias USING btree (kind, ident)
dirty_slot
    slot bigint NOT NULL
    slot_end bigint NOT NULL
    hour bigint NOT NULL
    day integer NOT NULL
    month integer NOT NULL
    generation bigint NOT NULL
    CONSTRAINT pk_dirty_slot PRIMARY KEY (slot)
    CREATE UNIQUE INDEX pk_dirty_slot ON public.dirty_slot USING btree (slot)
exchange_rate
    number bigint NOT NULL DEFAULT nextval('exchange_rate_number_seq'::regclass)
    base text NOT NULL
    quote text NOT NULL
    day integer NOT NULL
    rate text NOT NULL
    source text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    CONSTRAINT pk_exchange_rate PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_exchange_rate ON public.exchange_rate USING btree (number)
fee
    number bigint NOT NULL DEFAULT nextval('fee_number_seq'::regclass)
    name text NOT NULL
    kind text NOT NULL
    amount text NOT NULL
    list_amount text
    currency text NOT NULL
    start_at bigint NOT NULL
    end_at bigint
    every text NOT NULL
    provider text
    model text
    team_id bigint
    reason text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    replaces text
    CONSTRAINT pk_fee PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_fee ON public.fee USING btree (number)
import_batch
    batch_id bigint NOT NULL DEFAULT nextval('import_batch_batch_id_seq'::regclass)
    channel text NOT NULL
    path text
    fingerprint text
    status text NOT NULL
    started_at bigint NOT NULL
    finished_at bigint
    records bigint NOT NULL DEFAULT '0'::bigint
    accepted bigint NOT NULL DEFAULT '0'::bigint
    duplicates bigint NOT NULL DEFAULT '0'::bigint
    revised bigint NOT NULL DEFAULT '0'::bigint
    rejected bigint NOT NULL DEFAULT '0'::bigint
    unpriced bigint NOT NULL DEFAULT '0'::bigint
    keyless bigint NOT NULL DEFAULT '0'::bigint
    committed_records bigint NOT NULL DEFAULT '0'::bigint
    flagged bigint NOT NULL DEFAULT '0'::bigint
    CONSTRAINT pk_import_batch PRIMARY KEY (batch_id)
    CREATE UNIQUE INDEX pk_import_batch ON public.import_batch USING btree (batch_id)
invoice_line
    number bigint NOT NULL DEFAULT nextval('invoice_line_number_seq'::regclass)
    provider text NOT NULL
    first_day integer NOT NULL
    end_day integer NOT NULL
    amount text NOT NULL
    currency text NOT NULL
    source text NOT NULL
    account text NOT NULL
    model text
    description text NOT NULL
    invoice_id text
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    replaces text
    CONSTRAINT pk_invoice_line PRIMARY KEY (number)
    CREATE INDEX ix_invoice_line_first_day ON public.invoice_line USING btree (first_day)
    CREATE UNIQUE INDEX pk_invoice_line ON public.invoice_line USING btree (number)
ledger_property
    name text NOT NULL
    value text NOT NULL
    CONSTRAINT pk_ledger_property PRIMARY KEY (name)
    CREATE UNIQUE INDEX pk_ledger_property ON public.ledger_property USING btree (name)
owned
    number bigint NOT NULL DEFAULT nextval('owned_number_seq'::regclass)
    attribution_id bigint NOT NULL
    first_day integer NOT NULL
    end_day integer NOT NULL
    first_at bigint NOT NULL
    end_at bigint NOT NULL
    team_id bigint
    customer_id bigint
    cost_center_id bigint
    parts bigint NOT NULL
    whole bigint NOT NULL
    CONSTRAINT pk_owned PRIMARY KEY (number)
    CREATE INDEX ix_owned_attribution_id ON public.owned USING btree (attribution_id)
    CREATE UNIQUE INDEX pk_owned ON public.owned USING btree (number)
period_event
    number bigint NOT NULL DEFAULT nextval('period_event_number_seq'::regclass)
    period text NOT NULL
    revision integer NOT NULL
    status text NOT NULL
    at bigint NOT NULL
    by text NOT NULL
    reason text NOT NULL
    statement text
    hash text
    previous_hash text
    seal text
    previous_seal text
    sealed_by_migration boolean NOT NULL DEFAULT false
    CONSTRAINT pk_period_event PRIMARY KEY (number)
    CONSTRAINT uq_period_event_period_revision UNIQUE (period, revision)
    CREATE UNIQUE INDEX pk_period_event ON public.period_event USING btree (number)
    CREATE UNIQUE INDEX uq_period_event_period_revision ON public.period_event USING btree (period, revision)
price_alias
    number bigint NOT NULL DEFAULT nextval('price_alias_number_seq'::regclass)
    provider text NOT NULL
    model text NOT NULL
    target_provider text NOT NULL
    target_model text NOT NULL
    added_at bigint NOT NULL
    added_by text NOT NULL
    CONSTRAINT pk_price_alias PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_price_alias ON public.price_alias USING btree (number)
price_point
    number bigint NOT NULL DEFAULT nextval('price_point_number_seq'::regclass)
    source text NOT NULL
    provider text NOT NULL
    model text NOT NULL
    meter text NOT NULL
    price text
    per bigint NOT NULL
    least bigint NOT NULL
    currency text NOT NULL
    service_tier text NOT NULL
    above bigint NOT NULL
    marginal boolean NOT NULL
    hours text NOT NULL
    valid_from bigint
    valid_to bigint
    origin text NOT NULL
    added_at bigint NOT NULL
    added_by text NOT NULL
    CONSTRAINT pk_price_point PRIMARY KEY (number)
    CREATE INDEX ix_price_point_source_provider_model ON public.price_point USING btree (source, provider, model)
    CREATE UNIQUE INDEX pk_price_point ON public.price_point USING btree (number)
price_set
    price_set_id bigint NOT NULL DEFAULT nextval('price_set_price_set_id_seq'::regclass)
    digest text NOT NULL
    provider text NOT NULL
    model text NOT NULL
    service_tier text NOT NULL
    above_input_tokens bigint NOT NULL
    currency text NOT NULL
    origin text NOT NULL
    rates text NOT NULL
    rule text
    workings text
    CONSTRAINT pk_price_set PRIMARY KEY (price_set_id)
    CONSTRAINT uq_price_set_digest UNIQUE (digest)
    CREATE UNIQUE INDEX pk_price_set ON public.price_set USING btree (price_set_id)
    CREATE UNIQUE INDEX uq_price_set_digest ON public.price_set USING btree (digest)
price_term
    number bigint NOT NULL DEFAULT nextval('price_term_number_seq'::regclass)
    kind text NOT NULL
    factor text NOT NULL
    provider text NOT NULL
    model text NOT NULL
    region text
    team text
    customer text
    valid_from bigint
    valid_to bigint
    origin text NOT NULL
    added_at bigint NOT NULL
    added_by text NOT NULL
    CONSTRAINT pk_price_term PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_price_term ON public.price_term USING btree (number)
receipt
    key_hash bytea NOT NULL
    answer text NOT NULL
    made_at bigint NOT NULL
    CONSTRAINT pk_receipt PRIMARY KEY (key_hash)
    CREATE UNIQUE INDEX pk_receipt ON public.receipt USING btree (key_hash)
rejected_record
    rejected_id bigint NOT NULL DEFAULT nextval('rejected_record_rejected_id_seq'::regclass)
    digest bytea NOT NULL
    channel text NOT NULL
    path text
    line bigint NOT NULL
    code text NOT NULL
    field text
    reason text NOT NULL
    source text
    record text
    rejected_at bigint NOT NULL
    times bigint NOT NULL DEFAULT '1'::bigint
    CONSTRAINT pk_rejected_record PRIMARY KEY (rejected_id)
    CONSTRAINT uq_rejected_record_digest UNIQUE (digest)
    CREATE UNIQUE INDEX pk_rejected_record ON public.rejected_record USING btree (rejected_id)
    CREATE UNIQUE INDEX uq_rejected_record_digest ON public.rejected_record USING btree (digest)
reprice_run
    run_id bigint NOT NULL DEFAULT nextval('reprice_run_run_id_seq'::regclass)
    status text NOT NULL
    scope text NOT NULL
    prices text NOT NULL
    started_at bigint NOT NULL
    started_by text NOT NULL
    finished_at bigint
    reached bigint NOT NULL
    examined bigint NOT NULL
    changed bigint NOT NULL
    changes text NOT NULL
    CONSTRAINT pk_reprice_run PRIMARY KEY (run_id)
    CREATE UNIQUE INDEX pk_reprice_run ON public.reprice_run USING btree (run_id)
rollup_day
    day integer NOT NULL
    month integer NOT NULL
    currency_id bigint
    source_id bigint
    provider_id bigint
    model_id bigint
    model_requested_id bigint
    request_type_id bigint
    status_id bigint
    service_tier_id bigint
    cache_hit boolean
    cost_source_id bigint
    price_set_id bigint
    attribution_id bigint
    requests bigint NOT NULL
    input_tokens bigint NOT NULL
    input_text_tokens bigint NOT NULL
    input_audio_tokens bigint NOT NULL
    input_image_tokens bigint NOT NULL
    cache_read_tokens bigint NOT NULL
    cache_write_tokens bigint NOT NULL
    cache_write_5m_tokens bigint NOT NULL
    cache_write_1h_tokens bigint NOT NULL
    output_tokens bigint NOT NULL
    output_text_tokens bigint NOT NULL
    output_audio_tokens bigint NOT NULL
    output_image_tokens bigint NOT NULL
    reasoning_tokens bigint NOT NULL
    citation_tokens bigint NOT NULL
    accepted_prediction_tokens bigint NOT NULL
    rejected_prediction_tokens bigint NOT NULL
    total_tokens bigint NOT NULL
    search_queries bigint NOT NULL
    audio_ms bigint NOT NULL
    video_ms bigint NOT NULL
    characters bigint NOT NULL
    images bigint NOT NULL
    pages bigint NOT NULL
    search_units bigint NOT NULL
    replayed_input_tokens bigint NOT NULL
    replayed_output_tokens bigint NOT NULL
    latency_us bigint NOT NULL
    timed_requests bigint NOT NULL
    timed_output_tokens bigint NOT NULL
    input_cost bigint NOT NULL
    output_cost bigint NOT NULL
    reasoning_cost bigint NOT NULL
    citation_cost bigint NOT NULL
    search_cost bigint NOT NULL
    request_cost bigint NOT NULL
    cache_read_cost bigint NOT NULL
    cache_write_cost bigint NOT NULL
    tool_cost bigint NOT NULL
    other_cost bigint NOT NULL
    total_cost bigint NOT NULL
    reported_total bigint NOT NULL
    computed_total bigint NOT NULL
    list_total bigint NOT NULL
    contracted_total bigint NOT NULL
    saved_cost bigint NOT NULL
    latency_histogram text
    ttft_histogram text
    flagged_requests bigint NOT NULL DEFAULT '0'::bigint
    CREATE INDEX ix_rollup_day_day ON public.rollup_day USING btree (day)
rollup_day_key
    day integer NOT NULL
    month integer NOT NULL
    currency_id bigint
    source_id bigint
    status_id bigint
    cache_hit boolean
    cost_source_id bigint
    attribution_id bigint
    requests bigint NOT NULL
    input_tokens bigint NOT NULL
    input_text_tokens bigint NOT NULL
    input_audio_tokens bigint NOT NULL
    input_image_tokens bigint NOT NULL
    cache_read_tokens bigint NOT NULL
    cache_write_tokens bigint NOT NULL
    cache_write_5m_tokens bigint NOT NULL
    cache_write_1h_tokens bigint NOT NULL
    output_tokens bigint NOT NULL
    output_text_tokens bigint NOT NULL
    output_audio_tokens bigint NOT NULL
    output_image_tokens bigint NOT NULL
    reasoning_tokens bigint NOT NULL
    citation_tokens bigint NOT NULL
    accepted_prediction_tokens bigint NOT NULL
    rejected_prediction_tokens bigint NOT NULL
    total_tokens bigint NOT NULL
    search_queries bigint NOT NULL
    audio_ms bigint NOT NULL
    video_ms bigint NOT NULL
    characters bigint NOT NULL
    images bigint NOT NULL
    pages bigint NOT NULL
    search_units bigint NOT NULL
    replayed_input_tokens bigint NOT NULL
    replayed_output_tokens bigint NOT NULL
    latency_us bigint NOT NULL
    timed_requests bigint NOT NULL
    timed_output_tokens bigint NOT NULL
    input_cost bigint NOT NULL
    output_cost bigint NOT NULL
    reasoning_cost bigint NOT NULL
    citation_cost bigint NOT NULL
    search_cost bigint NOT NULL
    request_cost bigint NOT NULL
    cache_read_cost bigint NOT NULL
    cache_write_cost bigint NOT NULL
    tool_cost bigint NOT NULL
    other_cost bigint NOT NULL
    total_cost bigint NOT NULL
    reported_total bigint NOT NULL
    computed_total bigint NOT NULL
    list_total bigint NOT NULL
    contracted_total bigint NOT NULL
    saved_cost bigint NOT NULL
    latency_histogram text
    ttft_histogram text
    flagged_requests bigint NOT NULL DEFAULT '0'::bigint
    CREATE INDEX ix_rollup_day_key_day ON public.rollup_day_key USING btree (day)
rollup_day_model
    day integer NOT NULL
    month integer NOT NULL
    currency_id bigint
    source_id bigint
    provider_id bigint
    model_id bigint
    model_requested_id bigint
    request_type_id bigint
    status_id bigint
    service_tier_id bigint
    cache_hit boolean
    cost_source_id bigint
    requests bigint NOT NULL
    input_tokens bigint NOT NULL
    input_text_tokens bigint NOT NULL
    input_audio_tokens bigint NOT NULL
    input_image_tokens bigint NOT NULL
    cache_read_tokens bigint NOT NULL
    cache_write_tokens bigint NOT NULL
    cache_write_5m_tokens bigint NOT NULL
    cache_write_1h_tokens bigint NOT NULL
    output_tokens bigint NOT NULL
    output_text_tokens bigint NOT NULL
    output_audio_tokens bigint NOT NULL
    output_image_tokens bigint NOT NULL
    reasoning_tokens bigint NOT NULL
    citation_tokens bigint NOT NULL
    accepted_prediction_tokens bigint NOT NULL
    rejected_prediction_tokens bigint NOT NULL
    total_tokens bigint NOT NULL
    search_queries bigint NOT NULL
    audio_ms bigint NOT NULL
    video_ms bigint NOT NULL
    characters bigint NOT NULL
    images bigint NOT NULL
    pages bigint NOT NULL
    search_units bigint NOT NULL
    replayed_input_tokens bigint NOT NULL
    replayed_output_tokens bigint NOT NULL
    latency_us bigint NOT NULL
    timed_requests bigint NOT NULL
    timed_output_tokens bigint NOT NULL
    input_cost bigint NOT NULL
    output_cost bigint NOT NULL
    reasoning_cost bigint NOT NULL
    citation_cost bigint NOT NULL
    search_cost bigint NOT NULL
    request_cost bigint NOT NULL
    cache_read_cost bigint NOT NULL
    cache_write_cost bigint NOT NULL
    tool_cost bigint NOT NULL
    other_cost bigint NOT NULL
    total_cost bigint NOT NULL
    reported_total bigint NOT NULL
    computed_total bigint NOT NULL
    list_total bigint NOT NULL
    contracted_total bigint NOT NULL
    saved_cost bigint NOT NULL
    latency_histogram text
    ttft_histogram text
    flagged_requests bigint NOT NULL DEFAULT '0'::bigint
    CREATE INDEX ix_rollup_day_model_day ON public.rollup_day_model USING btree (day)
rollup_slot
    slot bigint NOT NULL
    hour bigint NOT NULL
    day integer NOT NULL
    month integer NOT NULL
    currency_id bigint
    source_id bigint
    provider_id bigint
    model_id bigint
    model_requested_id bigint
    request_type_id bigint
    status_id bigint
    service_tier_id bigint
    cache_hit boolean
    cost_source_id bigint
    price_set_id bigint
    attribution_id bigint
    requests bigint NOT NULL
    input_tokens bigint NOT NULL
    input_text_tokens bigint NOT NULL
    input_audio_tokens bigint NOT NULL
    input_image_tokens bigint NOT NULL
    cache_read_tokens bigint NOT NULL
    cache_write_tokens bigint NOT NULL
    cache_write_5m_tokens bigint NOT NULL
    cache_write_1h_tokens bigint NOT NULL
    output_tokens bigint NOT NULL
    output_text_tokens bigint NOT NULL
    output_audio_tokens bigint NOT NULL
    output_image_tokens bigint NOT NULL
    reasoning_tokens bigint NOT NULL
    citation_tokens bigint NOT NULL
    accepted_prediction_tokens bigint NOT NULL
    rejected_prediction_tokens bigint NOT NULL
    total_tokens bigint NOT NULL
    search_queries bigint NOT NULL
    audio_ms bigint NOT NULL
    video_ms bigint NOT NULL
    characters bigint NOT NULL
    images bigint NOT NULL
    pages bigint NOT NULL
    search_units bigint NOT NULL
    replayed_input_tokens bigint NOT NULL
    replayed_output_tokens bigint NOT NULL
    latency_us bigint NOT NULL
    timed_requests bigint NOT NULL
    timed_output_tokens bigint NOT NULL
    input_cost bigint NOT NULL
    output_cost bigint NOT NULL
    reasoning_cost bigint NOT NULL
    citation_cost bigint NOT NULL
    search_cost bigint NOT NULL
    request_cost bigint NOT NULL
    cache_read_cost bigint NOT NULL
    cache_write_cost bigint NOT NULL
    tool_cost bigint NOT NULL
    other_cost bigint NOT NULL
    total_cost bigint NOT NULL
    reported_total bigint NOT NULL
    computed_total bigint NOT NULL
    list_total bigint NOT NULL
    contracted_total bigint NOT NULL
    saved_cost bigint NOT NULL
    latency_histogram text
    ttft_histogram text
    flagged_requests bigint NOT NULL DEFAULT '0'::bigint
    CREATE INDEX ix_rollup_slot_slot ON public.rollup_slot USING btree (slot)
schedule
    number bigint NOT NULL DEFAULT nextval('schedule_number_seq'::regclass)
    target text NOT NULL
    by text NOT NULL
    form text NOT NULL
    recorded_at bigint NOT NULL
    recorded_by text NOT NULL
    ended_at bigint
    CONSTRAINT pk_schedule PRIMARY KEY (number)
    CREATE UNIQUE INDEX pk_schedule ON public.schedule USING btree (number)
session
    number bigint NOT NULL DEFAULT nextval('session_number_seq'::regclass)
    hash text NOT NULL
    name text NOT NULL
    token_number bigint
    proof text
    scopes text NOT NULL
    teams text
    created_at bigint NOT NULL
    expires_at bigint NOT NULL
    ended_at bigint
    CONSTRAINT pk_session PRIMARY KEY (number)
    CONSTRAINT uq_session_hash UNIQUE (hash)
    CREATE UNIQUE INDEX pk_session ON public.session USING btree (number)
    CREATE UNIQUE INDEX uq_session_hash ON public.session USING btree (hash)
sync_cursor
    store text NOT NULL
    newest_at bigint
    moved_at bigint NOT NULL
    CONSTRAINT pk_sync_cursor PRIMARY KEY (store)
    CREATE UNIQUE INDEX pk_sync_cursor ON public.sync_cursor USING btree (store)
sync_waiting
    store text NOT NULL
    row_key text NOT NULL
    seen_at bigint NOT NULL
    CONSTRAINT pk_sync_waiting PRIMARY KEY (store, row_key)
    CREATE UNIQUE INDEX pk_sync_waiting ON public.sync_waiting USING btree (store, row_key)
term
    term_id bigint NOT NULL DEFAULT nextval('term_term_id_seq'::regclass)
    text text NOT NULL
    CONSTRAINT pk_term PRIMARY KEY (term_id)
    CONSTRAINT uq_term_text UNIQUE (text)
    CREATE UNIQUE INDEX pk_term ON public.term USING btree (term_id)
    CREATE UNIQUE INDEX uq_term_text ON public.term USING btree (text)
usage_event
    seq bigint NOT NULL DEFAULT nextval('usage_event_seq_seq'::regclass)
    event_id bytea NOT NULL
    content_hash bytea NOT NULL
    version_rank bytea NOT NULL
    revision integer NOT NULL
    received_at bigint NOT NULL
    batch_id bigint
    attribution_id bigint NOT NULL
    price_set_id bigint
    source_id bigint NOT NULL
    request_type_id bigint NOT NULL
    object_id bigint
    provider_id bigint NOT NULL
    model_id bigint NOT NULL
    model_requested_id bigint
    model_deployment_id bigint
    provider_key_id bigint
    service_tier_id bigint
    region_id bigint
    finish_reason_id bigint
    status_id bigint NOT NULL
    error_type_id bigint
    error_code_id bigint
    cache_hit_type_id bigint
    cache_requested_provider_id bigint
    cache_requested_model_id bigint
    cache_used_provider_id bigint
    cache_used_model_id bigint
    currency_id bigint NOT NULL
    cost_source_id bigint NOT NULL
    unpriced_reason_id bigint
    source_event_id text NOT NULL
    parent_id text
    trace_id text
    attempt bigint
    source_updated_at bigint
    occurred_at bigint NOT NULL
    system_fingerprint text
    stream boolean
    chunk_count bigint
    choices bigint
    tool_calls bigint
    url_citations bigint
    user text
    end_user text
    labels text
    latency_us bigint
    time_to_first_token_us bigint
    upstream_latency_us bigint
    retries bigint
    input_tokens bigint
    input_text_tokens bigint
    input_audio_tokens bigint
    input_image_tokens bigint
    cache_read_tokens bigint
    cache_write_tokens bigint
    cache_write_5m_tokens bigint
    cache_write_1h_tokens bigint
    output_tokens bigint
    output_text_tokens bigint
    output_audio_tokens bigint
    output_image_tokens bigint
    reasoning_tokens bigint
    citation_tokens bigint
    accepted_prediction_tokens bigint
    rejected_prediction_tokens bigint
    total_tokens bigint
    search_queries bigint
    audio_ms bigint
    video_ms bigint
    characters bigint
    images bigint
    pages bigint
    search_units bigint
    cache_hit boolean
    cache_id text
    cache_similarity text
    cache_threshold text
    cache_lookup_tokens bigint
    replayed_input_tokens bigint
    replayed_output_tokens bigint
    replayed_cache_read_tokens bigint
    replayed_cache_write_tokens bigint
    replayed_total_tokens bigint
    input_cost bigint
    output_cost bigint
    reasoning_cost bigint
    citation_cost bigint
    search_cost bigint
    request_cost bigint
    cache_read_cost bigint
    cache_write_cost bigint
    tool_cost bigint
    other_cost bigint
    total_cost bigint
    reported_total bigint
    computed_total bigint
    list_total bigint
    contracted_total bigint
    saved_cost bigint
    image_size_id bigint
    image_quality_id bigint
    session text
    agent_id bigint
    workflow_id bigint
    flags_id bigint
    cache_read_audio_tokens bigint
    cache_read_image_tokens bigint
    cache_write_12h_tokens bigint
    CONSTRAINT pk_usage_event PRIMARY KEY (seq)
    CONSTRAINT uq_usage_event_event_id UNIQUE (event_id)
    CREATE INDEX ix_usage_event_occurred_at_seq ON public.usage_event USING btree (occurred_at, seq)
    CREATE UNIQUE INDEX pk_usage_event ON public.usage_event USING btree (seq)
    CREATE UNIQUE INDEX uq_usage_event_event_id ON public.usage_event USING btree (event_id)
usage_event_revision
    revision_id bigint NOT NULL DEFAULT nextval('usage_event_revision_revision_id_seq'::regclass)
    seq bigint
    event_id bytea NOT NULL
    content_hash bytea NOT NULL
    version_rank bytea NOT NULL
    revision integer NOT NULL
    received_at bigint NOT NULL
    batch_id bigint
    attribution_id bigint NOT NULL
    price_set_id bigint
    source_id bigint NOT NULL
    request_type_id bigint NOT NULL
    object_id bigint
    provider_id bigint NOT NULL
    model_id bigint NOT NULL
    model_requested_id bigint
    model_deployment_id bigint
    provider_key_id bigint
    service_tier_id bigint
    region_id bigint
    finish_reason_id bigint
    status_id bigint NOT NULL
    error_type_id bigint
    error_code_id bigint
    cache_hit_type_id bigint
    cache_requested_provider_id bigint
    cache_requested_model_id bigint
    cache_used_provider_id bigint
    cache_used_model_id bigint
    currency_id bigint NOT NULL
    cost_source_id bigint NOT NULL
    unpriced_reason_id bigint
    source_event_id text NOT NULL
    parent_id text
    trace_id text
    attempt bigint
    source_updated_at bigint
    occurred_at bigint NOT NULL
    system_fingerprint text
    stream boolean
    chunk_count bigint
    choices bigint
    tool_calls bigint
    url_citations bigint
    user text
    end_user text
    labels text
    latency_us bigint
    time_to_first_token_us bigint
    upstream_latency_us bigint
    retries bigint
    input_tokens bigint
    input_text_tokens bigint
    input_audio_tokens bigint
    input_image_tokens bigint
    cache_read_tokens bigint
    cache_write_tokens bigint
    cache_write_5m_tokens bigint
    cache_write_1h_tokens bigint
    output_tokens bigint
    output_text_tokens bigint
    output_audio_tokens bigint
    output_image_tokens bigint
    reasoning_tokens bigint
    citation_tokens bigint
    accepted_prediction_tokens bigint
    rejected_prediction_tokens bigint
    total_tokens bigint
    search_queries bigint
    audio_ms bigint
    video_ms bigint
    characters bigint
    images bigint
    pages bigint
    search_units bigint
    cache_hit boolean
    cache_id text
    cache_similarity text
    cache_threshold text
    cache_lookup_tokens bigint
    replayed_input_tokens bigint
    replayed_output_tokens bigint
    replayed_cache_read_tokens bigint
    replayed_cache_write_tokens bigint
    replayed_total_tokens bigint
    input_cost bigint
    output_cost bigint
    reasoning_cost bigint
    citation_cost bigint
    search_cost bigint
    request_cost bigint
    cache_read_cost bigint
    cache_write_cost bigint
    tool_cost bigint
    other_cost bigint
    total_cost bigint
    reported_total bigint
    computed_total bigint
    list_total bigint
    contracted_total bigint
    saved_cost bigint
    superseded_at bigint NOT NULL
    image_size_id bigint
    image_quality_id bigint
    session text
    agent_id bigint
    workflow_id bigint
    flags_id bigint
    cache_read_audio_tokens bigint
    cache_read_image_tokens bigint
    cache_write_12h_tokens bigint
    CONSTRAINT pk_usage_event_revision PRIMARY KEY (revision_id)
    CREATE INDEX ix_usage_event_revision_event_id ON public.usage_event_revision USING btree (event_id)
    CREATE UNIQUE INDEX pk_usage_event_revision ON public.usage_event_revision USING btree (revision_id)
