-- name: forget_executions :run
-- Ended long ago: what went well by one age, what did not by a longer one. A bounded batch from the indexes by status
-- and start; steps and events go with their execution. Not before the roll-ups have counted it.
DELETE FROM executions
 WHERE id IN (SELECT id
                FROM (SELECT id
                        FROM executions
                       WHERE status IN ('completed', 'cancelled')
                         AND started_at < :before
                         AND completed_at < :before
                       UNION ALL
                      SELECT id
                        FROM executions
                       WHERE status = 'failed'
                         AND started_at < :failed_before
                         AND completed_at < :failed_before)
               WHERE id NOT IN (SELECT execution_id FROM rollup_waiting)
               LIMIT :most);

-- name: forget_oldest :run
-- Beyond the most that are kept, the oldest that have ended, in the same bounded batch.
DELETE FROM executions
 WHERE id IN (SELECT id
                FROM executions
               WHERE status IN ('completed', 'cancelled', 'failed')
                 AND id NOT IN (SELECT execution_id FROM rollup_waiting)
               ORDER BY started_at
               LIMIT max(0, min(:most, (SELECT count(*) FROM executions) - :kept_max)));

-- name: forget_alerts :run
-- What was told long ago.
DELETE FROM alerts WHERE told_at < :before;
