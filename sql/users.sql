-- name: insert :run
-- Only the hash of the bearer is kept; a copy of the database lets nobody in.
INSERT INTO users (id, name, role, bearer_hash, preview, created_at, expires_at)
VALUES (:id, :name, :role, :bearer_hash, :preview, :now, :expires_at);

-- name: all :many
-- A workspace has a team's worth of users; the hash stays here.
SELECT id, name, role, preview, created_at, expires_at, last_used_at, revoked_at
  FROM users
 ORDER BY created_at, id;

-- name: by_id :one
-- After a change, what the caller is shown.
SELECT id, name, role, preview, created_at, expires_at, last_used_at, revoked_at
  FROM users
 WHERE id = :id;

-- name: by_bearer_hash :one
-- Each HTTP request asks this: one seek in the unique index.
SELECT id, name, role, preview, created_at, expires_at, last_used_at, revoked_at, bearer_hash
  FROM users
 WHERE bearer_hash = :bearer_hash;

-- name: mark_used :run
-- The guard keeps a busy client to one write a minute however many requests race.
UPDATE users
   SET last_used_at = :now
 WHERE id = :id
   AND (last_used_at IS NULL OR last_used_at <= :stale_at);

-- name: revoke :run
-- The first revocation's time stays.
UPDATE users
   SET revoked_at = coalesce(revoked_at, :now)
 WHERE id = :id;

-- name: replace_bearer :run
-- Old out, new in, same person and settings, in one statement; a revoked user stays out.
UPDATE users
   SET bearer_hash = :bearer_hash,
       preview = :preview,
       last_used_at = NULL
 WHERE id = :id
   AND revoked_at IS NULL;
