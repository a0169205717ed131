// Package ca makes and reads the certificate authority by which the forward listener ends the TLS of its clients. Whoever
// has its key can stand in for every host that it may vouch for, to everybody who trusts it: so each installation has one
// of its own, which may vouch for the audited hosts only, and whose key nobody else can read.
package ca
