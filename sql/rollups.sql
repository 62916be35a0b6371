-- name: last_waiting :value
-- How many wait, for places begin at one again once none does; the end of the index.
SELECT max(place) FROM rollup_waiting;

-- name: reach :value
-- The place up to which the next batch goes; none where nothing waits.
SELECT max(place) FROM (SELECT place FROM rollup_waiting ORDER BY place LIMIT :most);

-- name: name_series :run
-- What the batch counts and nothing counted before. A step of every workflow is told by its type alone.
WITH named AS MATERIALIZED (
    SELECT DISTINCT workflow_id, project_id, step, type FROM rollup_parts WHERE place <= :last
)
INSERT INTO rollup_series (workflow_id, project_id, step, type)
SELECT DISTINCT CASE WHEN by_workflow THEN workflow_id ELSE '' END,
       CASE WHEN by_project THEN project_id ELSE 0 END,
       CASE WHEN by_workflow THEN step ELSE '' END,
       type
  FROM named
 CROSS JOIN (SELECT column1 AS by_workflow, column2 AS by_project FROM (VALUES (0, 0), (0, 1), (1, 0), (1, 1)))
 WHERE NOT by_project
    OR (project_id IS NOT NULL AND type = '')
    ON CONFLICT DO NOTHING;

-- name: add :run
-- The batch is grouped before it is added, so that each row of the roll-ups is written once.
WITH parts AS MATERIALIZED (
    SELECT workflow_id, project_id, step, type, started_s / 3600 * 3600 AS hour_s, status, bin, count(*) AS many,
           sum(duration_ms) AS total_ms, max(duration_ms) AS max_ms, sum(attempts) AS attempts,
           sum(requests) AS requests, sum(waiting_ms) AS waiting_ms
      FROM rollup_parts
     WHERE place <= :last
     GROUP BY workflow_id, project_id, step, type, hour_s, status, bin
)
INSERT INTO rollups (
    series_id, width_s, start_s, status, bin, many, total_ms, max_ms, attempts, requests, waiting_ms
)
SELECT rollup_series.id, width_s, hour_s / width_s * width_s, status, bin, many, total_ms, max_ms, attempts,
       requests, waiting_ms
  FROM parts
 CROSS JOIN (SELECT column1 AS by_workflow, column2 AS by_project FROM (VALUES (0, 0), (0, 1), (1, 0), (1, 1)))
 CROSS JOIN rollup_series ON rollup_series.workflow_id = CASE WHEN by_workflow THEN parts.workflow_id ELSE '' END
                         AND rollup_series.project_id = CASE WHEN by_project THEN parts.project_id ELSE 0 END
                         AND rollup_series.step = CASE WHEN by_workflow THEN parts.step ELSE '' END
                         AND rollup_series.type = parts.type
 CROSS JOIN (SELECT column1 AS width_s FROM (VALUES (3600), (86400)))
 WHERE NOT by_project
    OR (parts.project_id IS NOT NULL AND parts.type = '')
    ON CONFLICT DO UPDATE
   SET many = many + excluded.many,
       total_ms = total_ms + excluded.total_ms,
       max_ms = max(max_ms, excluded.max_ms),
       attempts = attempts + excluded.attempts,
       requests = requests + excluded.requests,
       waiting_ms = waiting_ms + excluded.waiting_ms;

-- name: clear :run
-- They are counted; in the transaction that counted them.
DELETE FROM rollup_waiting WHERE place <= :last;

-- name: forget :run
-- Hours are asked for a week back, days for a season. Seeks along the primary key, once per series and width.
DELETE FROM rollups
 WHERE (series_id, width_s, start_s, status, bin) IN (
           SELECT rollups.series_id, rollups.width_s, rollups.start_s, rollups.status, rollups.bin
             FROM rollup_series
            CROSS JOIN (SELECT 3600 AS width_s, :hours_before_s AS before_s
                         UNION ALL
                        SELECT 86400, :days_before_s) AS widths
            CROSS JOIN rollups ON rollups.series_id = rollup_series.id
                              AND rollups.width_s = widths.width_s
                              AND rollups.start_s < widths.before_s
            LIMIT :most);
