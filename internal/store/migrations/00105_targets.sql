-- What a run was about, and whether it went to its end.

-- +goose Up

-- The URLs that were probed, or the backend that traffic went to.
ALTER TABLE runs ADD COLUMN target TEXT NOT NULL DEFAULT '';

-- 1: the run was stopped, or its backend went away.
ALTER TABLE runs ADD COLUMN stopped BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE runs DROP COLUMN stopped;
ALTER TABLE runs DROP COLUMN target;
