SELECT part.time AS k0, attribution.virtual_key_id AS k1, part.currency_id AS k2, coalesce(owned.parts, 1) AS k3, coalesce(owned.whole, 1) AS k4, sum(part.requests) AS requests, sum(part.unpriced_requests) AS unpriced_requests, sum(part.total_cost_high) AS total_cost_high, sum(part.total_cost_low) AS total_cost_low
FROM (SELECT rollup_day_key.day AS time, rollup_day_key.attribution_id AS who, rollup_day_key.currency_id AS currency_id, owned.number AS owned_number, sum(rollup_day_key.requests) AS requests, sum(CASE WHEN (rollup_day_key.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_day_key.requests ELSE 0 END) AS unpriced_requests, coalesce(sum(rollup_day_key.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(rollup_day_key.total_cost % 1000000000), 0) AS total_cost_low
FROM rollup_day_key LEFT OUTER JOIN owned ON owned.attribution_id = rollup_day_key.attribution_id AND owned.first_day <= rollup_day_key.day AND owned.end_day > rollup_day_key.day
WHERE rollup_day_key.day >= 20727 AND rollup_day_key.day < 20758 AND (rollup_day_key.day NOT IN (SELECT dirty_slot.day
FROM dirty_slot
WHERE dirty_slot.day >= 20727 AND dirty_slot.day < 20758)) AND (owned.number IS NOT NULL AND owned.customer_id IN (SELECT directory.entry_id
FROM directory
WHERE directory.kind = 'customer' AND (directory.ident IN ('acme') OR directory.given_name IN ('acme') AND (directory.given_name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.name IN ('acme') AND (directory.name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.hint IN ('acme') AND (directory.hint NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))))) OR owned.number IS NULL AND rollup_day_key.attribution_id IN (SELECT attribution.attribution_id
FROM attribution
WHERE attribution.customer_id IN (SELECT directory.entry_id
FROM directory
WHERE directory.kind = 'customer' AND (directory.ident IN ('acme') OR directory.given_name IN ('acme') AND (directory.given_name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.name IN ('acme') AND (directory.name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.hint IN ('acme') AND (directory.hint NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))))))) GROUP BY time, who, currency_id, owned_number
UNION ALL
SELECT rollup_slot.day AS time, rollup_slot.attribution_id AS who, rollup_slot.currency_id AS currency_id, owned.number AS owned_number, sum(rollup_slot.requests) AS requests, sum(CASE WHEN (rollup_slot.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN rollup_slot.requests ELSE 0 END) AS unpriced_requests, coalesce(sum(rollup_slot.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(rollup_slot.total_cost % 1000000000), 0) AS total_cost_low
FROM (SELECT dirty_slot.day AS day, min(dirty_slot.slot) - 90000000000 AS first, max(dirty_slot.slot) + 90000000000 AS last
FROM dirty_slot
WHERE dirty_slot.day >= 20727 AND dirty_slot.day < 20758 GROUP BY dirty_slot.day) AS dirty_day JOIN rollup_slot ON rollup_slot.slot >= dirty_day.first AND rollup_slot.slot < dirty_day.last AND rollup_slot.day = dirty_day.day LEFT OUTER JOIN owned ON owned.attribution_id = rollup_slot.attribution_id AND owned.first_day <= rollup_slot.day AND owned.end_day > rollup_slot.day
WHERE (rollup_slot.slot NOT IN (SELECT dirty_slot.slot
FROM dirty_slot)) AND (owned.number IS NOT NULL AND owned.customer_id IN (SELECT directory.entry_id
FROM directory
WHERE directory.kind = 'customer' AND (directory.ident IN ('acme') OR directory.given_name IN ('acme') AND (directory.given_name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.name IN ('acme') AND (directory.name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.hint IN ('acme') AND (directory.hint NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))))) OR owned.number IS NULL AND rollup_slot.attribution_id IN (SELECT attribution.attribution_id
FROM attribution
WHERE attribution.customer_id IN (SELECT directory.entry_id
FROM directory
WHERE directory.kind = 'customer' AND (directory.ident IN ('acme') OR directory.given_name IN ('acme') AND (directory.given_name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.name IN ('acme') AND (directory.name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.hint IN ('acme') AND (directory.hint NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))))))) GROUP BY time, who, currency_id, owned_number
UNION ALL
SELECT dirty_slot.day AS time, usage_event.attribution_id AS who, usage_event.currency_id AS currency_id, owned.number AS owned_number, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests, coalesce(sum(usage_event.total_cost / 1000000000), 0) AS total_cost_high, coalesce(sum(usage_event.total_cost % 1000000000), 0) AS total_cost_low
FROM dirty_slot JOIN usage_event ON usage_event.occurred_at >= dirty_slot.slot AND usage_event.occurred_at < dirty_slot.slot_end LEFT OUTER JOIN owned ON owned.attribution_id = usage_event.attribution_id AND owned.first_at <= usage_event.occurred_at AND owned.end_at > usage_event.occurred_at
WHERE dirty_slot.slot >= 1790812800000000 AND dirty_slot.slot < 1793491200000000 AND (owned.number IS NOT NULL AND owned.customer_id IN (SELECT directory.entry_id
FROM directory
WHERE directory.kind = 'customer' AND (directory.ident IN ('acme') OR directory.given_name IN ('acme') AND (directory.given_name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.name IN ('acme') AND (directory.name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.hint IN ('acme') AND (directory.hint NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))))) OR owned.number IS NULL AND usage_event.attribution_id IN (SELECT attribution.attribution_id
FROM attribution
WHERE attribution.customer_id IN (SELECT directory.entry_id
FROM directory
WHERE directory.kind = 'customer' AND (directory.ident IN ('acme') OR directory.given_name IN ('acme') AND (directory.given_name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.name IN ('acme') AND (directory.name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))) OR directory.hint IN ('acme') AND (directory.hint NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'customer' AND directory.ident IN ('acme'))))))) GROUP BY time, who, currency_id, owned_number) AS part LEFT OUTER JOIN attribution ON attribution.attribution_id = part.who LEFT OUTER JOIN owned ON owned.number = part.owned_number GROUP BY k0, k1, k2, k3, k4
