// Package why finds out why a WebSocket cannot be opened. [Walk] goes down the way of a connection,
// as an engineer would: name, TCP, TLS, a plain GET, a valid handshake, the handshakes of browsers.
// It stops at the first step that fails. If only a handshake fails, it changes one header at a time
// until the answer changes, and tries common paths, so that the cause is shown and not guessed.
// [Explain] does the same for exchanges that were recorded or pasted, as far as they show it.
//
// Every request is one exchange, judged by package rules and explained by package diagnose. What
// only several requests can show is a diagnosis of this package; their IDs begin with walk-.
//
// A walk contacts only the host of its URL, follows no redirect, and has one connection at a time.
package why
