-- name: hold :run
-- Held twice is held once; who held it first stays.
INSERT INTO holds (scope, subject, held_by, held_at)
VALUES (:scope, :subject, :held_by, :now)
    ON CONFLICT (scope, subject) DO NOTHING;

-- name: release :run
-- Exactly what is named: releasing everything releases no project that is held by itself.
DELETE FROM holds WHERE scope = :scope AND subject = :subject;

-- name: all :many
-- What is held now, for whoever asks why nothing runs.
SELECT scope, subject, held_by, held_at FROM holds ORDER BY held_at, scope, subject;
