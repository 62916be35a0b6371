-- What an end of the process is held against: the steps whose bodies were at work then, each for itself, so that a long
-- execution is not judged by what other steps of it went through.
ALTER TABLE steps ADD COLUMN ends INTEGER NOT NULL DEFAULT 0; -- of the process in a row, while its body was at work

-- Nearly always empty: what no end of a process met is not in it.
CREATE INDEX steps_suspect ON steps (execution_id) WHERE ends > 0 AND status = 'running';
