-- name: find :one
-- The unique key is the index: the same request again finds what became of the first.
SELECT id, digest, state, outcome
  FROM intents
 WHERE principal = :principal
   AND tool = :tool
   AND key = :key;

-- name: intend :run
-- Durable before anything is sent. A second writer with the same key fails here, on the unique key.
INSERT INTO intents (id, principal, tool, key, digest, summary, shown, targets, touches, state, created_at)
VALUES (:id, :principal, :tool, :key, :digest, :summary, :shown, :targets, :touches, 'intended', :now);

-- name: finish :run
-- The state guard records one outcome, whoever comes late.
UPDATE intents
   SET state = :state,
       outcome = :outcome,
       finished_at = :now
 WHERE id = :id
   AND state IN ('intended', 'uncertain');

-- name: intend_again :run
-- A further try of a step: one that failed for certain, one that may happen twice, or one that was looked for in vain.
UPDATE intents
   SET state = 'intended',
       digest = :digest,
       summary = :summary,
       shown = :shown,
       targets = :targets,
       touches = :touches,
       outcome = NULL,
       created_at = :now,
       finished_at = NULL
 WHERE id = :id
   AND state <> 'done';

-- name: outcomes_since :many
-- Ids that belong to effects we know of: a look for a lost one must not take one of these for it.
SELECT outcome
  FROM intents
 WHERE tool = :tool
   AND finished_at >= :since
   AND state = 'done';

-- name: touched :many
-- What a run has reached so far: its effects (JSON, pairs of tool and key) by the unique key, one after the other.
SELECT intents.key, touches
  FROM json_each(:effects) AS effect
 CROSS JOIN intents
 WHERE principal = :principal
   AND tool = json_extract(effect.value, '$[0]')
   AND intents.key = json_extract(effect.value, '$[1]')
   AND touches IS NOT NULL
   AND state <> 'failed';

-- name: left_open :many
-- After a crash: what was about to be sent when the process ended. Partial index, few rows.
SELECT id, tool, summary, created_at
  FROM intents
 WHERE state = 'intended'
 ORDER BY created_at;

-- name: rule_out :run
-- Somebody looked: it did not happen.
UPDATE intents
   SET state = 'failed',
       finished_at = :now
 WHERE principal = :principal
   AND tool = :tool
   AND key = :key
   AND state IN ('intended', 'uncertain');
