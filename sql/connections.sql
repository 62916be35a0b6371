-- name: link :one
-- One link per person and environment: connecting again replaces the account, and its tokens with it.
INSERT INTO connections (id, principal, environment, grant_type, client_id, company_id, user_id, login, created_at)
VALUES (:id, :principal, :environment, :grant_type, :client_id, :company_id, :user_id, :login, :now)
    ON CONFLICT (principal, environment) DO UPDATE
   SET grant_type = excluded.grant_type,
       client_id = excluded.client_id,
       company_id = excluded.company_id,
       user_id = excluded.user_id,
       login = excluded.login,
       access_sealed = NULL,
       refresh_sealed = NULL,
       expires_at = NULL,
       last_check = NULL
RETURNING id, principal, environment, grant_type, client_id, company_id, user_id, login, last_check, created_at;

-- name: of_principal :one
-- The unique key is the index; everything but the secrets.
SELECT id, principal, environment, grant_type, client_id, company_id, user_id, login, last_check, created_at
  FROM connections
 WHERE principal = :principal
   AND environment = :environment;

-- name: by_id :one
-- What a workflow's run_as or a token refresh names.
SELECT id, principal, environment, grant_type, client_id, company_id, user_id, login, last_check, created_at
  FROM connections
 WHERE id = :id;

-- name: sealed :one
-- Apart from the rest, so that secrets are read by one caller only.
SELECT principal, environment, access_sealed, refresh_sealed, expires_at
  FROM connections
 WHERE id = :id
   AND access_sealed IS NOT NULL;

-- name: keep_sealed :run
-- The rotated pair replaces the old one in one statement; there is never half a pair.
UPDATE connections
   SET access_sealed = :access,
       refresh_sealed = :refresh,
       expires_at = :expires_at
 WHERE id = :id;

-- name: every_sealed :many
-- For key rotation, which seals each value again in one transaction.
SELECT id, principal, environment, access_sealed, refresh_sealed, expires_at
  FROM connections
 WHERE access_sealed IS NOT NULL;

-- name: note_check :run
-- What the account could see at the last check, to tell what changed since.
UPDATE connections SET last_check = :last_check WHERE id = :id;

-- name: note_company :run
-- The company used when a call names none.
UPDATE connections SET company_id = :company_id WHERE id = :id;

-- name: note_account :run
-- Who signed in, as Procore calls them; known only once the new token has been used.
UPDATE connections
   SET user_id = :user_id,
       login = :login,
       company_id = :company_id
 WHERE id = :id;

-- name: remove :run
-- Disconnected: the row and its tokens go.
DELETE FROM connections WHERE id = :id;
