-- Whom or what an effect of a run reached, so that what was agreed to for one run is counted over its waits as well.

ALTER TABLE intents ADD COLUMN touches TEXT CHECK (touches IS NULL OR json_valid(touches));
