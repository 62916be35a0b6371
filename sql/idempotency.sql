-- name: find :one
-- Read in the transaction that would perform the request, so two callers with one key perform once.
SELECT digest, result
  FROM idempotency_keys
 WHERE principal = :principal
   AND tool = :tool
   AND key = :key;

-- name: keep :run
-- A plain insert: `find` ran before it in the same transaction.
INSERT INTO idempotency_keys (principal, tool, key, digest, result, created_at)
VALUES (:principal, :tool, :key, :digest, :result, :now);

-- name: forget :run
-- Keys protect retries, not history; the index on created_at finds the old ones.
DELETE FROM idempotency_keys WHERE created_at < :before;
