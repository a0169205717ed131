package probe

import (
	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

// Exactly is a handshake that sends these bytes and no others.
func Exactly(request []byte) *rules.Handshake {
	q := wire.ReadRequest(request)
	return &rules.Handshake{Before: string(request), Path: q.Target, Host: firstHost(q), Version: ""}
}

func firstHost(q *wire.Request) string {
	host, _ := q.Value("Host")
	return host
}
