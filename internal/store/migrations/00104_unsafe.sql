-- How many of the live exchanges of a minute are unsafe switches.

-- +goose Up
ALTER TABLE minutes ADD COLUMN unsafe BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE minutes DROP COLUMN unsafe;
