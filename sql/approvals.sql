-- name: insert :run
-- A question, pending until somebody answers or its time is over.
INSERT INTO approvals (
    id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers, created_at,
    expires_at, on_expiry, escalate_to, remind_at, workflow_id, project_id
)
VALUES (
    :id, :execution_id, :call, :step, :item, 'pending', :summary, :shown, :editable, :digest, :requested_by, :approvers, :now,
    :expires_at, :on_expiry, :escalate_to, :remind_at,
    (SELECT workflow_id FROM executions WHERE id = :execution_id),
    (SELECT project_id FROM executions WHERE id = :execution_id)
);

-- name: by_id :one
-- Everything of one approval, by primary key.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE id = :id;

-- name: of_step :one
-- A step asks once: the unique key is the index.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE execution_id = :execution_id
   AND step = :step
   AND item = :item;

-- name: of_call :one
-- A call has one, by the unique index; one whose time is over does not stand in the way of asking again.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE call = :call
   AND expires_at > :now;

-- name: forget :run
-- What is asked has changed: the question, its links and any answer to it go with the row.
DELETE FROM approvals WHERE id = :id;

-- name: page :many
-- Newest first, whatever became of them; the index holds the order.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE (created_at, id) < (:before, :before_id)
 ORDER BY created_at DESC, id DESC
 LIMIT :most;

-- name: page_by_status :many
-- Of one status, newest first; the index holds the order.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE status = :status
   AND (created_at, id) < (:before, :before_id)
 ORDER BY created_at DESC, id DESC
 LIMIT :most;

-- name: decide :run
-- The state guard lets one of racing decisions win, and none that comes late.
UPDATE approvals
   SET status = :status,
       decided_at = :now,
       decided_by = :by,
       decided_how = :how,
       edits = :edits,
       comment = :comment
 WHERE id = :id
   AND status = 'pending'
   AND digest = :digest
   AND expires_at > :now;

-- name: cancel_of :run
-- Nobody is asked any more for executions (JSON) that are over; what was decided stays.
UPDATE approvals
   SET status = 'cancelled',
       decided_at = :now
 WHERE execution_id IN (SELECT value FROM json_each(:execution_ids))
   AND status = 'pending';

-- name: void_call :run
-- The call asks afresh: an open question is about nothing any more, an answer stays on record and lets nothing through.
UPDATE approvals
   SET call = NULL,
       decided_at = CASE status WHEN 'pending' THEN :now ELSE decided_at END,
       status = CASE status WHEN 'pending' THEN 'cancelled' ELSE status END
 WHERE call = :call;

-- name: due :many
-- Pending past their time, the most overdue first; the partial index holds pending ones alone.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE status = 'pending'
   AND expires_at <= :now
 ORDER BY expires_at
 LIMIT :most;

-- name: expire :run
-- Nobody answered in time.
UPDATE approvals
   SET status = 'expired',
       decided_at = :now
 WHERE id = :id
   AND status = 'pending';

-- name: escalate :run
-- Asked again, of others and for as long as before, but only once: the next time it counts as no.
UPDATE approvals
   SET approvers = escalate_to,
       escalate_to = NULL,
       on_expiry = 'reject',
       expires_at = :expires_at,
       remind_at = NULL,
       told_at = NULL,
       wrong_codes = 0
 WHERE id = :id
   AND status = 'pending';

-- name: untold :many
-- Whom nobody has told yet, oldest first.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE status = 'pending'
   AND told_at IS NULL
 ORDER BY created_at
 LIMIT :most;

-- name: to_remind :many
-- Told once and still open when they are to be asked again.
SELECT id, execution_id, call, step, item, status, summary, shown, editable, digest, requested_by, approvers,
       wrong_codes, created_at, expires_at, on_expiry, escalate_to, remind_at, told_at, decided_at, decided_by, decided_how, edits,
       comment
  FROM approvals
 WHERE status = 'pending'
   AND remind_at <= :now
   AND told_at IS NOT NULL
 ORDER BY remind_at
 LIMIT :most;

-- name: told :run
-- Written after the mail went out: a crash between the two tells them twice, never not at all. A reminder is spent.
-- `expires_at` names the round: those of a round before an escalation were told nothing about this one.
UPDATE approvals
   SET told_at = :now,
       remind_at = CASE WHEN remind_at <= :now THEN NULL ELSE remind_at END
 WHERE id = :id
   AND expires_at = :expires_at
   AND status = 'pending';

-- name: next_expiry :value
-- When the sweep has something to do next; the index's first entry.
SELECT min(expires_at) FROM approvals WHERE status = 'pending';

-- name: next_reminder :value
-- As next_expiry, for reminders.
SELECT min(remind_at) FROM approvals WHERE status = 'pending' AND remind_at IS NOT NULL;

-- name: count_wrong_code :run
-- Counted where it cannot be forgotten: a restart gives nobody new guesses.
UPDATE approvals SET wrong_codes = wrong_codes + 1 WHERE id = :id;

-- name: insert_link :run
-- Only the hash: whoever reads the database cannot decide with it.
INSERT INTO approval_links (token_hash, approval_id, approver) VALUES (:token_hash, :approval_id, :approver);

-- name: link :one
-- Whose link it is, by primary key.
SELECT approval_id, approver FROM approval_links WHERE token_hash = :token_hash;

-- name: void_links :run
-- After an escalation those of the people asked before lead nowhere.
DELETE FROM approval_links WHERE approval_id = :id;
