-- What explains exchanges.

-- +goose Up

-- diagnoses is a JSON array of the IDs of the diagnoses of an exchange.
ALTER TABLE exchanges ADD COLUMN diagnoses TEXT NOT NULL DEFAULT '[]';
CREATE INDEX exchanges_explained ON exchanges (time, id, diagnoses, route, endpoint, run) WHERE diagnoses <> '[]';

-- +goose Down
DROP INDEX exchanges_explained;
ALTER TABLE exchanges DROP COLUMN diagnoses;
