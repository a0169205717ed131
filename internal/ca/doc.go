// Package ca creates and loads the certificate authority with which the forward listener terminates
// the TLS of its clients. Anyone who has its key can impersonate every host it may sign for, to
// every client that trusts it. So each installation has its own authority, restricted to the
// audited hosts, with a key that only its owner can read.
package ca
