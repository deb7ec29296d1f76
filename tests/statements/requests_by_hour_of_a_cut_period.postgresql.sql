SELECT part.time AS k0, sum(part.requests) AS requests, sum(part.unpriced_requests) AS unpriced_requests
FROM (SELECT rollup_slot.hour AS time, sum(rollup_slot.requests) AS requests, sum(CASE WHEN (rollup_slot.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_slot.requests ELSE 0 END) AS unpriced_requests
FROM rollup_slot
WHERE rollup_slot.slot >= 1792882800000000 AND rollup_slot.slot < 1792972800000000 AND (rollup_slot.slot NOT IN (SELECT dirty_slot.slot
FROM dirty_slot)) GROUP BY time
UNION ALL
SELECT dirty_slot.hour AS time, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests
FROM dirty_slot JOIN usage_event ON usage_event.occurred_at >= dirty_slot.slot AND usage_event.occurred_at < dirty_slot.slot_end
WHERE dirty_slot.slot >= 1792882800000000 AND dirty_slot.slot < 1792972800000000 GROUP BY time
UNION ALL
SELECT 1792879200000000 AS time, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests
FROM usage_event
WHERE usage_event.occurred_at >= 1792881000000000 AND usage_event.occurred_at < 1792882800000000 GROUP BY time
UNION ALL
SELECT 1792972800000000 AS time, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests
FROM usage_event
WHERE usage_event.occurred_at >= 1792972800000000 AND usage_event.occurred_at < 1792973700000000 GROUP BY time) AS part GROUP BY k0
