-- name: begin :run
-- Before anything is sent, so that a process that dies leaves a trace.
INSERT INTO notifications (id, principal, channel, template, subject, recipients, status, created_at)
VALUES (:id, :principal, :channel, :template, :subject, :recipients, 'sending', :now);

-- name: finish :run
-- The state guard records one outcome.
UPDATE notifications
   SET status = :status,
       error = :error,
       message_id = :message_id,
       refused = :refused,
       finished_at = :now
 WHERE id = :id
   AND status = 'sending';

-- name: forget :run
-- With every new one: the index makes it a look at the oldest.
DELETE FROM notifications WHERE created_at < :before;

-- name: settle_left_open :run
-- At start: nobody knows what became of those that a dead process was sending. Partial index, few rows.
UPDATE notifications
   SET status = 'uncertain',
       error = 'NOTIFY_OUTCOME_UNKNOWN',
       finished_at = :now
 WHERE status = 'sending';

-- name: page :many
-- Newest first, one row more than shown to tell whether there are more. The filter runs along the index by time.
SELECT id, principal, channel, template, subject, recipients, refused, status, error, message_id, created_at,
       finished_at
  FROM notifications
 WHERE (created_at, id) < (:before_at, :before_id)
   AND (:failed = 0 OR status IN ('failed', 'uncertain'))
 ORDER BY created_at DESC, id DESC
 LIMIT :most;

-- name: page_of :many
-- The same for one principal, along that principal's own index.
SELECT id, principal, channel, template, subject, recipients, refused, status, error, message_id, created_at,
       finished_at
  FROM notifications
 WHERE principal = :principal
   AND (created_at, id) < (:before_at, :before_id)
   AND (:failed = 0 OR status IN ('failed', 'uncertain'))
 ORDER BY created_at DESC, id DESC
 LIMIT :most;
