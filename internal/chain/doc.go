// Package chain finds out what a hop, a proxy between a client and a backend, does to upgrades. It
// is both sides: a client that sends raw bytes, and a sink, the backend to which the hop forwards
// them. The target of each request has an id by which the sink chooses its answer.
//
// A [Probe] is a handshake, mostly with one edit, an answer of the sink, and a judgment over what
// came on both sides. [Run] sends the probes in their order, and empties the hop's pool of backend
// connections before each. While one waits for long, the next ones are sent. Every result names the
// rule that it is about, so reports treat it as any other ruling.
package chain
