SELECT attribution.team_id AS k0, sum(part.requests) AS requests, sum(part.unpriced_requests) AS unpriced_requests, string_agg(part.latency_histogram, ',') AS latency_histogram, string_agg(part.latency_histogram_raw, ',') AS latency_histogram_raw
FROM (SELECT rollup_day.attribution_id AS who, sum(rollup_day.requests) AS requests, sum(CASE WHEN (rollup_day.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_day.requests ELSE 0 END) AS unpriced_requests, string_agg(rollup_day.latency_histogram, ',') AS latency_histogram, CAST(NULL AS TEXT) AS latency_histogram_raw
FROM rollup_day
WHERE rollup_day.day >= 20727 AND rollup_day.day < 20763 AND (rollup_day.day NOT IN (SELECT dirty_slot.day
FROM dirty_slot
WHERE dirty_slot.day >= 20727 AND dirty_slot.day < 20763)) AND rollup_day.model_id IN (SELECT term.term_id
FROM term
WHERE term.text IN ('gpt-4o')) GROUP BY who
UNION ALL
SELECT rollup_slot.attribution_id AS who, sum(rollup_slot.requests) AS requests, sum(CASE WHEN (rollup_slot.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_slot.requests ELSE 0 END) AS unpriced_requests, string_agg(rollup_slot.latency_histogram, ',') AS latency_histogram, CAST(NULL AS TEXT) AS latency_histogram_raw
FROM (SELECT dirty_slot.day AS day, min(dirty_slot.slot) - 90000000000 AS first, max(dirty_slot.slot) + 90000000000 AS last
FROM dirty_slot
WHERE dirty_slot.day >= 20727 AND dirty_slot.day < 20763 GROUP BY dirty_slot.day) AS dirty_day JOIN rollup_slot ON rollup_slot.slot >= dirty_day.first AND rollup_slot.slot < dirty_day.last AND rollup_slot.day = dirty_day.day
WHERE (rollup_slot.slot NOT IN (SELECT dirty_slot.slot
FROM dirty_slot)) AND rollup_slot.model_id IN (SELECT term.term_id
FROM term
WHERE term.text IN ('gpt-4o')) GROUP BY who
UNION ALL
SELECT usage_event.attribution_id AS who, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests, CAST(NULL AS TEXT) AS latency_histogram, string_agg(CAST(usage_event.latency_us AS TEXT), ',') AS latency_histogram_raw
FROM dirty_slot JOIN usage_event ON usage_event.occurred_at >= dirty_slot.slot AND usage_event.occurred_at < dirty_slot.slot_end
WHERE dirty_slot.slot >= 1790812800000000 AND dirty_slot.slot < 1793923200000000 AND usage_event.model_id IN (SELECT term.term_id
FROM term
WHERE term.text IN ('gpt-4o')) GROUP BY who) AS part LEFT OUTER JOIN attribution ON attribution.attribution_id = part.who GROUP BY k0
