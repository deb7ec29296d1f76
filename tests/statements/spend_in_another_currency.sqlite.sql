SELECT part.currency_id AS k0, part.rate_day AS k1, sum(part.requests) AS requests, sum(part.unpriced_requests) AS unpriced_requests, sum(part.total_cost_high) AS total_cost_high, sum(part.total_cost_low) AS total_cost_low
FROM (SELECT rollup_day_model.currency_id AS currency_id, CASE WHEN (rollup_day_model.currency_id = (SELECT term.term_id
FROM term
WHERE term.text = 'EUR')) THEN NULL ELSE rollup_day_model.day END AS rate_day, sum(rollup_day_model.requests) AS requests, sum(CASE WHEN (rollup_day_model.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_day_model.requests ELSE 0 END) AS unpriced_requests, coalesce(sum(rollup_day_model.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(rollup_day_model.total_cost % 1000000000), 0) AS total_cost_low
FROM rollup_day_model
WHERE rollup_day_model.day >= 20727 AND rollup_day_model.day < 20758 AND (rollup_day_model.day NOT IN (SELECT dirty_slot.day
FROM dirty_slot
WHERE dirty_slot.day >= 20727 AND dirty_slot.day < 20758)) GROUP BY currency_id, rate_day
UNION ALL
SELECT rollup_slot.currency_id AS currency_id, CASE WHEN (rollup_slot.currency_id = (SELECT term.term_id
FROM term
WHERE term.text = 'EUR')) THEN NULL ELSE rollup_slot.day END AS rate_day, sum(rollup_slot.requests) AS requests, sum(CASE WHEN (rollup_slot.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_slot.requests ELSE 0 END) AS unpriced_requests, coalesce(sum(rollup_slot.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(rollup_slot.total_cost % 1000000000), 0) AS total_cost_low
FROM (SELECT dirty_slot.day AS day, min(dirty_slot.slot) - 90000000000 AS first, max(dirty_slot.slot) + 90000000000 AS last
FROM dirty_slot
WHERE dirty_slot.day >= 20727 AND dirty_slot.day < 20758 GROUP BY dirty_slot.day) AS dirty_day JOIN rollup_slot ON rollup_slot.slot >= dirty_day.first AND rollup_slot.slot < dirty_day.last AND rollup_slot.day = dirty_day.day
WHERE (rollup_slot.slot NOT IN (SELECT dirty_slot.slot
FROM dirty_slot)) GROUP BY currency_id, rate_day
UNION ALL
SELECT usage_event.currency_id AS currency_id, CASE WHEN (usage_event.currency_id = (SELECT term.term_id
FROM term
WHERE term.text = 'EUR')) THEN NULL ELSE dirty_slot.day END AS rate_day, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests, coalesce(sum(usage_event.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(usage_event.total_cost % 1000000000), 0) AS total_cost_low
FROM dirty_slot JOIN usage_event ON usage_event.occurred_at >= dirty_slot.slot AND usage_event.occurred_at < dirty_slot.slot_end
WHERE dirty_slot.slot >= 1790812800000000 AND dirty_slot.slot < 1793491200000000 GROUP BY currency_id, rate_day) AS part GROUP BY k0, k1
