-- What an instance says of itself with each heartbeat.

-- +goose Up

-- beat is the interval of heartbeats in milliseconds: 0 for a release that sends none, -1 for a command such as probe. config
-- identifies the configuration. ended is the time at which the instance said goodbye; 0: it has not. counts is a JSON object.
-- seen is by the clock of the database.
ALTER TABLE instances ADD COLUMN beat BIGINT NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN config TEXT NOT NULL DEFAULT '';
ALTER TABLE instances ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE instances ADD COLUMN counts TEXT NOT NULL DEFAULT '';

-- The instances of the last day. It has no column that a heartbeat changes.
CREATE INDEX instances_unfolded ON instances (id) WHERE folded = 0;

-- +goose Down
DROP INDEX instances_unfolded;
ALTER TABLE instances DROP COLUMN counts;
ALTER TABLE instances DROP COLUMN ended;
ALTER TABLE instances DROP COLUMN config;
ALTER TABLE instances DROP COLUMN beat;
