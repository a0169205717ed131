-- What pages show without reading rulings.

-- +goose Up

-- How many live exchanges there were: minute is the time divided by 60000. All instances count in the same rows.
CREATE TABLE minutes (
	minute   BIGINT NOT NULL,
	protocol TEXT NOT NULL,
	outcome  TEXT NOT NULL,
	verdict  BIGINT NOT NULL,
	count    BIGINT NOT NULL,
	PRIMARY KEY (minute, protocol, outcome, verdict)
);

-- What lists of exchanges are filtered by, so that none but those that are shown are read.
CREATE INDEX exchanges_list ON exchanges (time, id, verdict, severity, unsafe, status, protocol, outcome, origin, run, route, endpoint, probe);

-- The state that the finding had when it was seen last: a word of the contract, or nothing. Of the latest row it is the end of
-- the greatest of the times of equal length, each with its state behind it.
ALTER TABLE findings ADD COLUMN state TEXT NOT NULL DEFAULT '';
DROP VIEW finding_sums;
CREATE VIEW finding_sums AS
	SELECT run, fingerprint, rule, probe, route, endpoint, MIN(verdict) AS verdict, MAX(severity) AS severity,
		MAX(party) AS party, MAX(unsafe) AS unsafe, CAST(SUM(count) AS BIGINT) AS count, COUNT(*) AS instances,
		MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen, MIN(first_id) AS first_id, MAX(last_id) AS last_id,
		MAX(detail) AS detail, SUBSTR(MAX(CAST(1000000000000000 + last_seen AS TEXT) || state), 17) AS state
	FROM findings
	GROUP BY run, fingerprint, rule, probe, route, endpoint;

-- +goose Down
DROP VIEW finding_sums;
ALTER TABLE findings DROP COLUMN state;
CREATE VIEW finding_sums AS
	SELECT run, fingerprint, rule, probe, route, endpoint, MIN(verdict) AS verdict, MAX(severity) AS severity,
		MAX(party) AS party, MAX(unsafe) AS unsafe, CAST(SUM(count) AS BIGINT) AS count, COUNT(*) AS instances,
		MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen, MIN(first_id) AS first_id, MAX(last_id) AS last_id,
		MAX(detail) AS detail
	FROM findings
	GROUP BY run, fingerprint, rule, probe, route, endpoint;
DROP INDEX exchanges_list;
DROP TABLE minutes;
