-- name: insert :run
-- Stored before Procore is asked to post to it, so that its first delivery already finds it. Only hashes are kept.
-- One that starts a workflow is pending until the transaction that activates the workflow makes it live.
INSERT INTO hooks (
    id, source, state, workflow_id, environment, company_id, project_id, principal, resource_names, secret_hash,
    created_at
)
VALUES (
    :id, 'procore', CASE WHEN :workflow_id IS NULL THEN 'live' ELSE 'pending' END, :workflow_id, :environment,
    :company_id, :project_id, :principal, :resource_names, :secret_hash, :now
);

-- name: insert_custom :run
-- Posted to by anybody but Procore; the secret is sealed, for a signature can only be checked with the secret itself.
INSERT INTO hooks (
    id, source, state, workflow_id, environment, company_id, project_id, principal, resource_names, secret_sealed,
    created_at
)
VALUES (
    :id, 'custom', 'pending', :workflow_id, :environment, NULL, NULL, :principal, '[]', :secret_sealed, :now
);

-- name: by_id :one
-- A delivery's first question: one seek.
SELECT id, state, workflow_id, environment, company_id, project_id, principal, procore_id, resource_names, secret_hash,
       previous_hash, previous_until, created_at
  FROM hooks
 WHERE id = :id
   AND source = 'procore';

-- name: custom_by_id :one
-- As `by_id`, for senders that sign; the secret is unsealed for each delivery and kept nowhere.
SELECT id, state, workflow_id, environment, principal, secret_sealed
  FROM hooks
 WHERE id = :id
   AND source = 'custom';

-- name: of_environment :many
-- A workspace has a handful; what came through each is counted from the index.
SELECT hooks.id, state, workflow_id, environment, company_id, project_id, principal, procore_id, resource_names,
       secret_hash, previous_hash, previous_until, created_at,
       (SELECT count(*) FROM deliveries WHERE hook_id = hooks.id) AS delivery_count,
       (SELECT max(received_at) FROM deliveries WHERE hook_id = hooks.id) AS last_delivery_at
  FROM hooks
 WHERE environment = :environment
   AND source = 'procore'
 ORDER BY created_at, hooks.id;

-- name: leftovers :many
-- Of a deployment that did not finish, of a version that was replaced or a workflow that is gone: whatever of them is
-- still at Procore is to be removed there. A partial index holds exactly these.
SELECT id, state, workflow_id, environment, company_id, project_id, principal, procore_id, resource_names, secret_hash,
       previous_hash, previous_until, created_at
  FROM hooks
 WHERE environment = :environment
   AND source = 'procore'
   AND state <> 'live';

-- name: end_others :run
-- Whatever of this workflow's is not to be live; removed once Procore has removed it.
UPDATE hooks
   SET state = 'ended'
 WHERE workflow_id = :workflow_id
   AND source = 'procore'
   AND state <> 'ended'
   AND id IS NOT :hook_id;

-- name: remove_other_custom :run
-- Nobody has to be told of these: they are gone at once.
DELETE FROM hooks
 WHERE workflow_id = :workflow_id
   AND source = 'custom'
   AND id IS NOT :hook_id;

-- name: make_live :run
-- After `end_others`, so that at no moment two are live.
UPDATE hooks SET state = 'live' WHERE id = :hook_id AND state <> 'live';

-- name: every_custom :many
-- For key rotation, which seals each value again in one transaction.
SELECT id, principal, environment, secret_sealed FROM hooks WHERE source = 'custom';

-- name: keep_sealed :run
-- As `every_custom`.
UPDATE hooks SET secret_sealed = :secret_sealed WHERE id = :id;

-- name: note_registered :run
-- Procore's own id, once it has answered.
UPDATE hooks SET procore_id = :procore_id WHERE id = :id;

-- name: rotate :run
-- The present secret stays valid beside the new one, without an end until Procore has taken the new one. While that
-- is open, a further rotation keeps the secret that Procore last confirmed.
UPDATE hooks
   SET previous_hash = CASE WHEN previous_hash IS NOT NULL AND previous_until IS NULL
                            THEN previous_hash ELSE secret_hash END,
       previous_until = NULL,
       secret_hash = :secret_hash
 WHERE id = :id;

-- name: end_rotation :run
-- Procore sends the new secret; what is under way with the old one may still arrive until then.
UPDATE hooks SET previous_until = :until WHERE id = :id AND secret_hash = :secret_hash;

-- name: undo_rotation :run
-- Procore refused the new secret: the old one alone is right again.
UPDATE hooks
   SET secret_hash = previous_hash,
       previous_hash = NULL
 WHERE id = :id
   AND secret_hash = :secret_hash
   AND previous_hash IS NOT NULL
   AND previous_until IS NULL;

-- name: remove :run
-- Its deliveries go with it.
DELETE FROM hooks WHERE id = :id;

-- name: newest_of_hook :many
-- What came last through one hook, newest first: from the index on hook and time.
SELECT event, received_at
  FROM deliveries
 WHERE hook_id = :hook_id
 ORDER BY received_at DESC
 LIMIT :newest;

-- name: note_refused :run
-- One row per hook, however much is turned away.
INSERT INTO refusals (hook_id, many, reason, first_at, last_at)
VALUES (:hook_id, :many, :reason, :now, :now)
    ON CONFLICT (hook_id) DO UPDATE
   SET many = many + excluded.many,
       reason = excluded.reason,
       last_at = excluded.last_at;

-- name: forget_refused :run
-- Another secret: what was turned away before says nothing of it.
DELETE FROM refusals WHERE hook_id = :hook_id;
