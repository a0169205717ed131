// Package proxy carries connections between clients and a backend, changes none of their bytes, and
// reports the upgrade exchanges on them.
//
// It is for those who want to see what really passes between HTTP/1.1 clients and a server: a
// [wire.Conversation] reads along and each [wire.Exchange] goes to the function Observe. Package
// proxy knows no rules; package rules judges what it reports.
//
// # Use
//
// Set the fields of a [Relay], then call Serve with a listener. It returns when the context has
// ended and nothing that it started is alive:
//
//	relay := &proxy.Relay{Backend: proxy.To("127.0.0.1:8080"), Observe: observe, Log: zerolog.Nop()}
//	err := relay.Serve(ctx, listener)
//
// The bounds in time and number are the [Limits]. A [Listener] adds TLS and the PROXY protocol, and
// a [Backend] adds more addresses, TLS, and a Guard, which may keep a 101 from the client. A
// [Forward] is a second way in, for clients that are told to use a proxy.
//
// # How it carries
//
// Each connection from a client has one connection of its own to the backend. It is dialled when
// the client's first byte has come, or before that if the backend is to be dialled eagerly. What
// was read is shown to the conversation and then written, whatever the conversation makes of it. A
// session decides that, and all else that there is to decide: it has no socket. One of two drivers
// moves the bytes. On Linux, event loops drive what is cleartext from end to end, from the first
// byte to the last; goroutines drive everything else.
package proxy
