-- name: totals :one
-- Counts and durations of live runs accepted since a full hour or day: what ended from the roll-ups and from the few
-- that wait to be added to them, what is under way from an index that holds nothing else. A percentile is the mean of
-- the bin at its rank, so at most a bin's width (5 %) off, and exact where the bin holds one run.
WITH ended AS MATERIALIZED (
    SELECT status, bin, many, total_ms, max_ms, requests, waiting_ms
      FROM rollups
     WHERE series_id = (SELECT id
                          FROM rollup_series
                         WHERE workflow_id = coalesce(:workflow_id, '')
                           AND project_id = coalesce(:project_id, 0)
                           AND step = ''
                           AND type = '')
       AND width_s = :width_s
       AND start_s >= :since_s
     UNION ALL
    SELECT status, bin, 1, duration_ms, duration_ms, requests, waiting_ms
      FROM rollup_parts
     WHERE type = ''
       AND started_s >= :since_s
       AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
       AND (:project_id IS NULL OR project_id = :project_id)
),
bins AS (
    SELECT bin, sum(many) AS many, sum(total_ms) AS total_ms, max(max_ms) AS max_ms
      FROM ended
     WHERE bin >= 0
       AND status IN ('completed', 'failed')
     GROUP BY bin
),
ranked AS MATERIALIZED (
    SELECT many, total_ms, max_ms,
           total_ms / many AS value_ms,
           sum(many) OVER (ORDER BY bin) AS reached,
           sum(many) OVER () AS of_all
      FROM bins
),
under_way AS MATERIALIZED (
    SELECT status, started_at
      FROM executions
     WHERE status IN ('queued', 'running', 'waiting', 'needs_review')
       AND mode = 'live'
       AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
       AND (:project_id IS NULL OR project_id = :project_id)
)
SELECT (SELECT count(*) FROM under_way WHERE status = 'queued' AND started_at >= :since) AS queued,
       (SELECT count(*) FROM under_way WHERE status = 'running' AND started_at >= :since) AS running,
       (SELECT count(*) FROM under_way WHERE status = 'waiting' AND started_at >= :since) AS waiting,
       (SELECT count(*) FROM under_way WHERE status = 'needs_review' AND started_at >= :since) AS needs_review,
       (SELECT count(*) FROM under_way WHERE status = 'queued') AS queue_length,
       (SELECT min(started_at) FROM under_way WHERE status = 'queued') AS queue_oldest_at,
       coalesce(sum(many) FILTER (WHERE status = 'completed'), 0) AS completed,
       coalesce(sum(many) FILTER (WHERE status = 'failed'), 0) AS failed,
       coalesce(sum(many) FILTER (WHERE status = 'cancelled'), 0) AS cancelled,
       1.0 * sum(requests) / sum(many) AS requests_mean,
       sum(waiting_ms) / sum(many) FILTER (WHERE bin >= 0) AS waiting_mean_ms,
       (SELECT sum(total_ms) / sum(many) FROM ranked) AS mean,
       (SELECT max(max_ms) FROM ranked) AS max,
       (SELECT min(value_ms) FROM ranked WHERE reached * 100 >= of_all * 50) AS p50,
       (SELECT min(value_ms) FROM ranked WHERE reached * 100 >= of_all * 95) AS p95,
       (SELECT min(value_ms) FROM ranked WHERE reached * 100 >= of_all * 99) AS p99
  FROM ended;

-- name: series :many
-- One row per bucket, the empty ones too, so that a chart needs no filling. From where totals takes its numbers.
WITH RECURSIVE buckets (place) AS (
    SELECT 0
     UNION ALL
    SELECT place + 1 FROM buckets WHERE place + 1 < :buckets
),
chosen AS (
    SELECT (start_s - :since_s) / :bucket_s AS place, status, many
      FROM rollups
     WHERE series_id = (SELECT id
                          FROM rollup_series
                         WHERE workflow_id = coalesce(:workflow_id, '')
                           AND project_id = coalesce(:project_id, 0)
                           AND step = ''
                           AND type = '')
       AND width_s = :width_s
       AND start_s >= :since_s
     UNION ALL
    SELECT (started_s - :since_s) / :bucket_s, status, 1
      FROM rollup_parts
     WHERE type = ''
       AND started_s >= :since_s
       AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
       AND (:project_id IS NULL OR project_id = :project_id)
     UNION ALL
    SELECT (unixepoch(started_at) - :since_s) / :bucket_s, status, 1
      FROM executions
     WHERE status IN ('queued', 'running', 'waiting', 'needs_review')
       AND mode = 'live'
       AND started_at >= :since
       AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
       AND (:project_id IS NULL OR project_id = :project_id)
),
counted AS (
    SELECT place,
           sum(many) AS started,
           sum(many) FILTER (WHERE status = 'completed') AS completed,
           sum(many) FILTER (WHERE status = 'failed') AS failed
      FROM chosen
     GROUP BY place
)
SELECT buckets.place,
       coalesce(counted.started, 0) AS started,
       coalesce(counted.completed, 0) AS completed,
       coalesce(counted.failed, 0) AS failed
  FROM buckets
  LEFT JOIN counted ON counted.place = buckets.place
 ORDER BY buckets.place;

-- name: steps :many
-- How the steps of one workflow went, or those of all by their type. Counts, mean and max are of all that ended;
-- percentiles, for which there would be too many bins, of the latest runs: exact, from the rows. Of the two halves of
-- `latest` one is empty before it reads a row, so that each question uses its own index; by start, which the + sees to.
WITH latest AS MATERIALIZED (
    SELECT id
      FROM (SELECT id
              FROM executions
             WHERE workflow_id = :workflow_id
               AND started_at >= :since
               AND mode = 'live'
               AND +status IN ('completed', 'failed', 'cancelled')
             ORDER BY started_at DESC, id DESC
             LIMIT :latest)
     UNION ALL
    SELECT id
      FROM (SELECT id
              FROM executions
             WHERE :workflow_id IS NULL
               AND started_at >= :since
               AND mode = 'live'
               AND +status IN ('completed', 'failed', 'cancelled')
             ORDER BY started_at DESC, id DESC
             LIMIT :latest)
),
ranked AS MATERIALIZED (
    SELECT key, type, duration_ms,
           row_number() OVER (PARTITION BY key, type ORDER BY duration_ms) AS place,
           count(*) OVER (PARTITION BY key, type) AS many
      FROM (SELECT iif(:workflow_id IS NULL, '', steps.key) AS key, steps.type, steps.duration_ms
              FROM latest
             CROSS JOIN steps ON steps.execution_id = latest.id
             WHERE steps.item = -1
               AND steps.status IN ('completed', 'failed')
               AND steps.duration_ms IS NOT NULL)
),
percentiles AS MATERIALIZED (
    SELECT key, type,
           min(duration_ms) FILTER (WHERE place * 100 >= many * 50) AS p50,
           min(duration_ms) FILTER (WHERE place * 100 >= many * 95) AS p95,
           min(duration_ms) FILTER (WHERE place * 100 >= many * 99) AS p99
      FROM ranked
     GROUP BY key, type
),
counted AS (
    SELECT rollup_series.step AS key, rollup_series.type, status, bin, many, total_ms, max_ms, attempts
      FROM rollup_series
     CROSS JOIN rollups ON rollups.series_id = rollup_series.id
                       AND rollups.width_s = :width_s
                       AND rollups.start_s >= :since_s
     WHERE rollup_series.workflow_id = coalesce(:workflow_id, '')
       AND rollup_series.project_id = 0
       AND rollup_series.type <> ''
     UNION ALL
    SELECT iif(:workflow_id IS NULL, '', step), type, status, bin, 1, duration_ms, duration_ms, attempts
      FROM rollup_parts
     WHERE type <> ''
       AND started_s >= :since_s
       AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
)
SELECT nullif(counted.key, '') AS key,
       counted.type,
       coalesce(sum(many) FILTER (WHERE status = 'completed'), 0) AS completed,
       coalesce(sum(many) FILTER (WHERE status = 'failed'), 0) AS failed,
       coalesce(sum(many) FILTER (WHERE status = 'skipped'), 0) AS skipped,
       coalesce(sum(many) FILTER (WHERE status = 'cancelled'), 0) AS cancelled,
       sum(attempts) AS attempts,
       sum(total_ms) FILTER (WHERE bin >= 0 AND status IN ('completed', 'failed'))
           / sum(many) FILTER (WHERE bin >= 0 AND status IN ('completed', 'failed')) AS mean,
       max(max_ms) FILTER (WHERE bin >= 0 AND status IN ('completed', 'failed')) AS max,
       percentiles.p50,
       percentiles.p95,
       percentiles.p99
  FROM counted
  LEFT JOIN percentiles ON percentiles.key = counted.key AND percentiles.type = counted.type
 GROUP BY counted.key, counted.type
 ORDER BY sum(many) DESC, counted.key, counted.type
 LIMIT :most;

-- name: decisions :one
-- How people decided: taken as it was, corrected first, or refused. Along the index of approvals by time.
SELECT count(*) FILTER (WHERE status = 'approved' AND coalesce(edits, '{}') IN ('{}', 'null')) AS unchanged,
       count(*) FILTER (WHERE status = 'approved' AND coalesce(edits, '{}') NOT IN ('{}', 'null')) AS edited,
       count(*) FILTER (WHERE status = 'rejected') AS rejected
  FROM approvals
 WHERE created_at >= :since
   AND workflow_id IS NOT NULL
   AND (:project_id IS NULL OR project_id = :project_id);

-- name: decisions_of :one
-- The same of one workflow, along the index of its approvals.
SELECT count(*) FILTER (WHERE status = 'approved' AND coalesce(edits, '{}') IN ('{}', 'null')) AS unchanged,
       count(*) FILTER (WHERE status = 'approved' AND coalesce(edits, '{}') NOT IN ('{}', 'null')) AS edited,
       count(*) FILTER (WHERE status = 'rejected') AS rejected
  FROM approvals
 WHERE workflow_id = :workflow_id
   AND created_at >= :since
   AND (:project_id IS NULL OR project_id = :project_id);
