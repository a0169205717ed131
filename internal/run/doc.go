// Package run has the commands that end with a verdict. interlock probe sends probes to an
// endpoint. interlock run audits the traffic of another command and probes the endpoints that it
// has used. interlock audit reads recorded traffic.
package run
