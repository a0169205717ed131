-- The text, severity and party of a finding are those of its worst row: the most severe one of the worst verdict.

-- +goose Up

-- worst is the least of the rows as a text: a digit each for the verdict, for 9 less the severity and for the party, and the
-- text of the finding behind them.
DROP VIEW finding_sums;
CREATE VIEW finding_sums AS
	SELECT run, fingerprint, rule, probe, route, endpoint, verdict, 9 - CAST(SUBSTR(worst, 2, 1) AS BIGINT) AS severity,
		CAST(SUBSTR(worst, 3, 1) AS BIGINT) AS party, unsafe, count, instances, first_seen, last_seen, first_id, last_id,
		SUBSTR(worst, 4) AS detail, state, worst
	FROM (
		SELECT run, fingerprint, rule, probe, route, endpoint, MIN(verdict) AS verdict, MAX(unsafe) AS unsafe,
			CAST(SUM(count) AS BIGINT) AS count, COUNT(*) AS instances, MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen,
			MIN(first_id) AS first_id, MAX(last_id) AS last_id,
			SUBSTR(MAX(CAST(1000000000000000 + last_seen AS TEXT) || state), 17) AS state,
			MIN(CAST(verdict AS TEXT) || CAST(9 - severity AS TEXT) || CAST(party AS TEXT) || detail) AS worst
		FROM findings
		GROUP BY run, fingerprint, rule, probe, route, endpoint
	) AS sums;

-- +goose Down
DROP VIEW finding_sums;
CREATE VIEW finding_sums AS
	SELECT run, fingerprint, rule, probe, route, endpoint, MIN(verdict) AS verdict, MAX(severity) AS severity,
		MAX(party) AS party, MAX(unsafe) AS unsafe, CAST(SUM(count) AS BIGINT) AS count, COUNT(*) AS instances,
		MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen, MIN(first_id) AS first_id, MAX(last_id) AS last_id,
		MAX(detail) AS detail, SUBSTR(MAX(CAST(1000000000000000 + last_seen AS TEXT) || state), 17) AS state
	FROM findings
	GROUP BY run, fingerprint, rule, probe, route, endpoint;
