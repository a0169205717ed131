// Package lab holds small backends for the demo and for tests: correct ones on popular libraries,
// and faulty ones that each have one fault, are named after it, and list the probes that catch it.
// Others are hard to probe: they accept a handshake on a condition, do not speak WebSocket, or
// never finish an answer.
//
// A correct backend never sends a 101 to a request that must not be switched (RFC 9110 §7.8, RFC
// 6455 §4.2.1, RFC 7540 §3.2). Where a library is more lenient, the check of this package precedes
// it. A faulty backend makes the same check, except for its fault. The libraries are also there
// without the check.
//
// [H2Backends] speak HTTP/2 too, and open WebSockets by extended CONNECT (RFC 8441).
//
// A [Hop] is a small reverse proxy, sound or with one fault. [H2Gateways] are those that speak HTTP/2
// to clients.
//
// [Start] and [Listen] start a backend. Its input is hostile: heads and messages are bounded, every
// read has a deadline, and after [Server.Close] nothing that it started is alive.
package lab
