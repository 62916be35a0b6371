-- What a diagnosis has to know and nobody kept: deliveries that were turned away, and starts that were left out because
-- a run had not ended. The audit log refuses to be changed, so that only its chain has to be trusted for the rest.
CREATE TABLE refusals (
    hook_id  TEXT PRIMARY KEY REFERENCES hooks (id) ON DELETE CASCADE,
    many     INTEGER NOT NULL CHECK (many > 0),
    reason   TEXT NOT NULL,
    first_at TEXT NOT NULL,
    last_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE schedules ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0; -- due times since the deployment that overlap left out

ALTER TABLE schedules ADD COLUMN skipped_at TEXT;

CREATE INDEX alerts_by_workflow ON alerts (workflow_id, created_at DESC);

CREATE TRIGGER audit_never_changes
BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an entry of the audit log never changes');
END;

CREATE TRIGGER audit_never_shrinks
BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an entry of the audit log is never removed');
END;

-- Where the chain ends: of a chain alone nobody can tell that its last entries are gone.
CREATE TABLE audit_end (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    sequence INTEGER NOT NULL,
    hash     TEXT NOT NULL
) STRICT;

INSERT INTO audit_end (one, sequence, hash)
SELECT 1, sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1;

CREATE TRIGGER audit_notes_its_end
AFTER INSERT ON audit
BEGIN
    INSERT INTO audit_end (one, sequence, hash)
    VALUES (1, NEW.sequence, NEW.hash)
        ON CONFLICT (one) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash;
END;

-- Who hears of trouble, where somebody said so: of one workflow, or of everything ('').
CREATE TABLE alert_rules (
    workflow_id TEXT PRIMARY KEY,
    recipients  TEXT NOT NULL CHECK (json_valid(recipients)),
    off         TEXT NOT NULL CHECK (json_valid(off)), -- kinds that nobody is told of
    least       TEXT NOT NULL CHECK (least IN ('warning', 'error', 'critical'))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER alert_rules_go_with_their_workflow
AFTER DELETE ON workflows
BEGIN
    DELETE FROM alert_rules WHERE workflow_id = OLD.id;
END;

ALTER TABLE execution_events ADD COLUMN actor TEXT; -- who did it; none where the engine did
