-- name: get :value
-- Facts about the data directory itself: key fingerprint, standby, workspace id.
SELECT value FROM meta WHERE key = :key;

-- name: set :run
-- Upsert: a fact has one value.
INSERT INTO meta (key, value)
VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: keep_first :value
-- The first value wins and everybody gets it, so two starters agree on one workspace id or key fingerprint.
INSERT INTO meta (key, value)
VALUES (:key, :value)
    ON CONFLICT (key) DO UPDATE SET value = value
RETURNING value;

-- name: remove :run
-- Absent means never: standby is a row that exists or does not.
DELETE FROM meta WHERE key = :key;
