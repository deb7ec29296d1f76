SELECT part.time AS k0, part.provider_id AS k1, part.currency_id AS k2, part.rate_day AS k3, sum(part.requests) AS requests, sum(part.unpriced_requests) AS unpriced_requests, sum(part.total_cost_high) AS total_cost_high, sum(part.total_cost_low) AS total_cost_low
FROM (SELECT rollup_slot.hour AS time, rollup_slot.provider_id AS provider_id, rollup_slot.currency_id AS currency_id, CASE WHEN (rollup_slot.currency_id = (SELECT term.term_id
FROM term
WHERE term.text = 'EUR')) THEN NULL ELSE rollup_slot.day END AS rate_day, sum(rollup_slot.requests) AS requests, sum(CASE WHEN (rollup_slot.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_slot.requests ELSE 0 END) AS unpriced_requests, coalesce(sum(rollup_slot.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(rollup_slot.total_cost % 1000000000), 0) AS total_cost_low
FROM rollup_slot
WHERE rollup_slot.slot >= 1792882800000000 AND rollup_slot.slot < 1792972800000000 AND (rollup_slot.slot NOT IN (SELECT dirty_slot.slot
FROM dirty_slot)) GROUP BY time, provider_id, currency_id, rate_day
UNION ALL
SELECT dirty_slot.hour AS time, usage_event.provider_id AS provider_id, usage_event.currency_id AS currency_id, CASE WHEN (usage_event.currency_id = (SELECT term.term_id
FROM term
WHERE term.text = 'EUR')) THEN NULL ELSE dirty_slot.day END AS rate_day, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests, coalesce(sum(usage_event.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(usage_event.total_cost % 1000000000), 0) AS total_cost_low
FROM dirty_slot JOIN usage_event ON usage_event.occurred_at >= dirty_slot.slot AND usage_event.occurred_at < dirty_slot.slot_end
WHERE dirty_slot.slot >= 1792882800000000 AND dirty_slot.slot < 1792972800000000 GROUP BY time, provider_id, currency_id, rate_day
UNION ALL
SELECT 1792879200000000 AS time, usage_event.provider_id AS provider_id, usage_event.currency_id AS currency_id, CASE WHEN (usage_event.currency_id = (SELECT term.term_id
FROM term
WHERE term.text = 'EUR')) THEN NULL ELSE 20750 END AS rate_day, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests, coalesce(sum(usage_event.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(usage_event.total_cost % 1000000000), 0) AS total_cost_low
FROM usage_event
WHERE usage_event.occurred_at >= 1792881000000000 AND usage_event.occurred_at < 1792882800000000 GROUP BY time, provider_id, currency_id, rate_day
UNION ALL
SELECT 1792972800000000 AS time, usage_event.provider_id AS provider_id, usage_event.currency_id AS currency_id, CASE WHEN (usage_event.currency_id = (SELECT term.term_id
FROM term
WHERE term.text = 'EUR')) THEN NULL ELSE 20752 END AS rate_day, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests, coalesce(sum(usage_event.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(usage_event.total_cost % 1000000000), 0) AS total_cost_low
FROM usage_event
WHERE usage_event.occurred_at >= 1792972800000000 AND usage_event.occurred_at < 1792973700000000 GROUP BY time, provider_id, currency_id, rate_day) AS part GROUP BY k0, k1, k2, k3
