-- name: of_event :one
-- Whether this event came through this hook before: the unique key is the index.
SELECT id, execution_id FROM deliveries WHERE hook_id = :hook_id AND event_id = :event_id;

-- name: accept :run
-- In the transaction that asked `of_event`, so an event is kept once however often it is sent.
INSERT INTO deliveries (id, hook_id, event_id, event, received_at, execution_id, outcome, reason)
VALUES (:id, :hook_id, :event_id, :event, :now, :execution_id, :outcome, :reason);

-- name: forget :run
-- They answer for repeats and serve as examples, not as history; hook by hook, for the index begins with the hook.
DELETE FROM deliveries
 WHERE hook_id IN (SELECT id FROM hooks)
   AND received_at < :before;

-- name: waiting :many
-- What was answered 202 and is not decided yet, oldest first: the partial index holds nothing else. `later` are those
-- that Procore could not be asked about just now.
SELECT deliveries.id, deliveries.hook_id, deliveries.event_id, deliveries.event, deliveries.received_at,
       hooks.workflow_id, hooks.source
  FROM deliveries
  JOIN hooks ON hooks.id = deliveries.hook_id
 WHERE deliveries.outcome = 'accepted'
   AND hooks.environment = :environment
   AND deliveries.id NOT IN (SELECT value FROM json_each(:later))
 ORDER BY deliveries.received_at
 LIMIT :most;

-- name: settle :run
-- One outcome: the guard makes a second one a no-op.
UPDATE deliveries
   SET outcome = :outcome,
       execution_id = :execution_id,
       reason = :reason
 WHERE id = :id
   AND outcome = 'accepted';

-- name: ignored :many
-- What came while the workflow was paused and nobody was told of yet, newest first.
SELECT deliveries.id, deliveries.event, deliveries.received_at
  FROM deliveries
 WHERE deliveries.hook_id IN (SELECT id FROM hooks WHERE workflow_id = :workflow_id)
   AND deliveries.outcome = 'ignored'
   AND deliveries.reason = 'paused'
 ORDER BY deliveries.received_at DESC
 LIMIT :most;

-- name: note_ignored_told :run
-- Listed at one resumption, not at the next.
UPDATE deliveries
   SET reason = 'paused, told'
 WHERE hook_id IN (SELECT id FROM hooks WHERE workflow_id = :workflow_id)
   AND outcome = 'ignored'
   AND reason = 'paused';

-- name: of_record :one
-- A webhook that told of this change of this record already: the poll behind it has nothing to add.
SELECT id, execution_id
  FROM deliveries
 WHERE hook_id IN (SELECT id FROM hooks WHERE workflow_id = :workflow_id)
   AND received_at >= :since
   AND json_extract(event, '$.resource_name') = :resource_name
   AND CAST(json_extract(event, '$.resource_id') AS TEXT) = :resource_id
   AND outcome IN ('accepted', 'started', 'filtered')
 LIMIT 1;

-- name: own_write :value
-- Whether we changed that record lately: the ledger of effects names what each touched. Asked only of events that our
-- own account caused.
SELECT 1
  FROM intents
 WHERE finished_at >= :since
   AND state IN ('done', 'uncertain')
   AND (instr(targets, :resource_id) > 0 OR instr(outcome, :resource_id) > 0)
 LIMIT 1;

-- name: depth_of_record :value
-- How deep the chain is that this record is part of: the latest executions it started, from the index by start.
SELECT max(depth)
  FROM executions
 WHERE started_at >= :since
   AND json_extract(trigger, '$.event.resource_name') = :resource_name
   AND CAST(json_extract(trigger, '$.event.resource_id') AS TEXT) = :resource_id;

-- name: execution_of_key :value
-- What a poll started for the same change, from the unique index on workflow and key.
SELECT id FROM executions WHERE workflow_id = :workflow_id AND key = :key;
