// Package run has the commands that judge and end with a verdict: interlock probe, which sends probes to an endpoint; interlock run, which
// audits the traffic of another command and probes the endpoints that it has used; and interlock audit, which reads recorded traffic.
package run
