// Package proxy is the way through: it carries bytes between clients and a backend, changes none of them, and has a
// [wire.Conversation] look at them on the way.
//
// A [Relay] has one connection to the backend for each connection from a client, dialled when the client's first byte has
// come, or before if the backend is to be dialled eagerly. Two pumps carry the bytes; each feeds what it has read to the
// conversation and then writes it, whatever the conversation makes of it. Behind a 101 the connection is a [Tunnel]. The
// package knows no rules: what the conversation reports goes to Observe.
package proxy
