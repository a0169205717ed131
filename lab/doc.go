// Package lab holds small backends for the demo and for tests: sound ones on the libraries that people use, and
// unsound ones that each have one fault and are named after it.
//
// Sound means: no request that must not be switched gets a 101 (RFC 9110 §7.8, RFC 6455 §4.2.1, RFC 7540 §3.2). Where a
// library is more lenient than that, the one check in this package stands before it. An unsound backend makes the same
// check, but for what its fault leaves out.
//
// A backend is started with [Start] or [Listen]. It has to do with hostile input all day: heads and messages are
// bounded, every read has a deadline, and after [Server.Close] nothing that it started is alive.
package lab
