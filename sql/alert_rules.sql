-- name: of :many
-- The rules of these workflows, by primary key; '' is everything.
SELECT workflow_id, recipients, off, least
  FROM alert_rules
 WHERE workflow_id IN (SELECT value FROM json_each(:workflows));

-- name: put :run
-- One rule for each; the latest counts.
INSERT INTO alert_rules (workflow_id, recipients, off, least)
VALUES (:workflow_id, :recipients, :off, :least)
    ON CONFLICT (workflow_id) DO UPDATE
   SET recipients = excluded.recipients,
       off = excluded.off,
       least = excluded.least;
