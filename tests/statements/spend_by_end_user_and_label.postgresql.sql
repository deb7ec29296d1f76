SELECT part.end_user AS k0, part.label_1 AS k1, sum(part.requests) AS requests, sum(part.unpriced_requests) AS unpriced_requests, sum(part.errors) AS errors
FROM (SELECT usage_event.end_user AS end_user, (CAST(usage_event.labels AS jsonb) ->> 'app') AS label_1, sum(1) AS requests, sum(CASE WHEN (usage_event.cost_source_id = (SELECT term.term_id
FROM term
WHERE term.text = 'unpriced')) THEN 1 ELSE 0 END) AS unpriced_requests, sum(CASE WHEN (usage_event.status_id = (SELECT term.term_id
FROM term
WHERE term.text = 'error')) THEN 1 ELSE 0 END) AS errors
FROM usage_event
WHERE usage_event.occurred_at >= 1791244800000000 AND usage_event.occurred_at < 1793923200000000 AND (usage_event.attribution_id IN (SELECT attribution.attribution_id
FROM attribution
WHERE attribution.team_id IN (SELECT directory.entry_id
FROM directory
WHERE directory.kind = 'team' AND (directory.ident IN ('ml') OR directory.given_name IN ('ml') AND (directory.given_name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'team' AND directory.ident IN ('ml'))) OR directory.name IN ('ml') AND (directory.name NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'team' AND directory.ident IN ('ml'))) OR directory.hint IN ('ml') AND (directory.hint NOT IN (SELECT directory.ident
FROM directory
WHERE directory.kind = 'team' AND directory.ident IN ('ml'))))) OR attribution.team_id IS NULL) OR usage_event.attribution_id IS NULL) GROUP BY end_user, label_1) AS part GROUP BY k0, k1
