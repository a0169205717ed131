// Package lab holds small backends for the demo and for tests: sound ones on the libraries that people use, and
// unsound ones that each have one fault and are named after it, with the probes that catch it. Beside them are such as make
// it hard to probe at all: they accept a handshake on a condition, know no WebSocket, or do not get to the end of an answer.
//
// Sound means: no request that must not be switched gets a 101 (RFC 9110 §7.8, RFC 6455 §4.2.1, RFC 7540 §3.2). Where a
// library is more lenient than that, the one check in this package stands before it. An unsound backend makes the same
// check, but for what its fault leaves out; the libraries are there without the check too.
//
// A backend is started with [Start] or [Listen]. It has to do with hostile input all day: heads and messages are
// bounded, every read has a deadline, and after [Server.Close] nothing that it started is alive.
package lab
