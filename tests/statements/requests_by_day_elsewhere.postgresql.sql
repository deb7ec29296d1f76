SELECT part.time AS k0, sum(part.requests) AS requests, sum(part.unpriced_requests) AS unpriced_requests
FROM (SELECT (rollup_slot.slot + CASE WHEN (rollup_slot.slot < 1792890000000000) THEN 7200000000 ELSE 3600000000 END) / 86400000000 AS time, sum(rollup_slot.requests) AS requests, sum(CASE WHEN (rollup_slot.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_slot.requests ELSE 0 END) AS unpriced_requests
FROM rollup_slot
WHERE rollup_slot.slot >= 1792447200000000 AND rollup_slot.slot < 1793487600000000 AND (rollup_slot.slot NOT IN (SELECT dirty_slot.slot
FROM dirty_slot)) GROUP BY time
UNION ALL
SELECT (usage_event.occurred_at + CASE WHEN (usage_event.occurred_at < 1792890000000000) THEN 7200000000 ELSE 3600000000 END) / 86400000000 AS time, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests
FROM dirty_slot JOIN usage_event ON usage_event.occurred_at >= dirty_slot.slot AND usage_event.occurred_at < dirty_slot.slot_end
WHERE dirty_slot.slot >= 1792447200000000 AND dirty_slot.slot < 1793487600000000 GROUP BY time) AS part GROUP BY k0
