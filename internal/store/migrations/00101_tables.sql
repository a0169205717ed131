-- A version is the minor release times 100, and a number within it. Later versions only add: tables, columns with a default,
-- indexes. Times are milliseconds since 1970. Verdicts, severities and parties are numbers as in package rules.

-- +goose Up

-- A start of a program that writes here. batch is the number of the last batch that it has written.
CREATE TABLE instances (
	id      TEXT PRIMARY KEY,
	name    TEXT NOT NULL,
	version TEXT NOT NULL,
	began   BIGINT NOT NULL,
	seen    BIGINT NOT NULL,
	batch   BIGINT NOT NULL,
	folded  BIGINT NOT NULL DEFAULT 0
);

-- labels and summary are JSON objects; ended is 0 as long as the run goes on.
CREATE TABLE runs (
	id       TEXT PRIMARY KEY,
	began    BIGINT NOT NULL,
	ended    BIGINT NOT NULL,
	command  TEXT NOT NULL,
	origin   TEXT NOT NULL,
	version  TEXT NOT NULL,
	instance TEXT NOT NULL,
	labels   TEXT NOT NULL,
	summary  TEXT NOT NULL
);

-- rules is a JSON array of the rules that did not pass, passed the list of those that did, ruling the contract's JSON without
-- these.
CREATE TABLE exchanges (
	id       TEXT PRIMARY KEY,
	revision BIGINT NOT NULL,
	time     BIGINT NOT NULL,
	bytes    BIGINT NOT NULL,
	status   BIGINT NOT NULL,
	verdict  BIGINT NOT NULL,
	severity BIGINT NOT NULL,
	unsafe   BIGINT NOT NULL,
	instance TEXT NOT NULL,
	run      TEXT NOT NULL,
	origin   TEXT NOT NULL,
	probe    TEXT NOT NULL,
	route    TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	protocol TEXT NOT NULL,
	outcome  TEXT NOT NULL,
	rules    TEXT NOT NULL,
	passed   TEXT NOT NULL,
	ruling   TEXT NOT NULL
);
CREATE INDEX exchanges_time ON exchanges (time, id, bytes);
CREATE INDEX exchanges_run ON exchanges (run, time, id) WHERE run <> '';
CREATE INDEX exchanges_broken ON exchanges (time, id) WHERE verdict < 3;

-- What one instance has counted; the sums are in finding_sums.
CREATE TABLE findings (
	run         TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	instance    TEXT NOT NULL,
	rule        TEXT NOT NULL,
	probe       TEXT NOT NULL,
	route       TEXT NOT NULL,
	endpoint    TEXT NOT NULL,
	verdict     BIGINT NOT NULL,
	severity    BIGINT NOT NULL,
	party       BIGINT NOT NULL,
	unsafe      BIGINT NOT NULL,
	count       BIGINT NOT NULL,
	first_seen  BIGINT NOT NULL,
	last_seen   BIGINT NOT NULL,
	first_id    TEXT NOT NULL,
	last_id     TEXT NOT NULL,
	detail      TEXT NOT NULL,
	PRIMARY KEY (run, fingerprint, instance)
);
CREATE INDEX findings_instance ON findings (instance);
CREATE INDEX findings_first ON findings (first_id);

CREATE VIEW finding_sums AS
	SELECT run, fingerprint, rule, probe, route, endpoint, MIN(verdict) AS verdict, MAX(severity) AS severity,
		MAX(party) AS party, MAX(unsafe) AS unsafe, CAST(SUM(count) AS BIGINT) AS count, COUNT(*) AS instances,
		MIN(first_seen) AS first_seen, MAX(last_seen) AS last_seen, MIN(first_id) AS first_id, MAX(last_id) AS last_id,
		MAX(detail) AS detail
	FROM findings
	GROUP BY run, fingerprint, rule, probe, route, endpoint;

-- verdict is a word of the contract, or not-sent.
CREATE TABLE probe_results (
	run      TEXT NOT NULL,
	backend  TEXT NOT NULL,
	route    TEXT NOT NULL,
	endpoint TEXT NOT NULL,
	probe    TEXT NOT NULL,
	rule     TEXT NOT NULL,
	verdict  TEXT NOT NULL,
	severity TEXT NOT NULL,
	status   BIGINT NOT NULL,
	outcome  TEXT NOT NULL,
	detail   TEXT NOT NULL,
	reason   TEXT NOT NULL,
	exchange TEXT NOT NULL,
	time     BIGINT NOT NULL,
	PRIMARY KEY (run, backend, route, endpoint, probe)
);

-- Endpoints that switched soundly for live traffic.
CREATE TABLE endpoints (
	route       TEXT NOT NULL,
	endpoint    TEXT NOT NULL,
	backend     TEXT NOT NULL,
	host        TEXT NOT NULL,
	protocol    TEXT NOT NULL,
	subprotocol TEXT NOT NULL,
	tls         BIGINT NOT NULL,
	target      TEXT NOT NULL,
	seen        BIGINT NOT NULL,
	count       BIGINT NOT NULL,
	PRIMARY KEY (route, endpoint, backend, host, protocol, subprotocol)
);

-- +goose Down
DROP VIEW finding_sums;
DROP TABLE endpoints;
DROP TABLE probe_results;
DROP TABLE findings;
DROP TABLE exchanges;
DROP TABLE runs;
DROP TABLE instances;
