package ui

import (
	"strings"
	"testing"

	"github.com/interlock-proxy/interlock/wire"
)

// TestStreamsAreShown shows an exchange of HTTP/2: its stream and its connection, the others on that
// connection, and no way to send it again, for which there is none.
func TestStreamsAreShown(t *testing.T) {
	const text = `stream: {"id":3,"offered":"yes","client":{"end":"end"},"server":{"end":"reset","code":8}}
connection: {"id":"01JCONNECTION","alpn":"h2","sni":"chat.test","streams":2,"open":1,"client":{"settings":{"1":65536}},"server":{"settings":{"8":1},"connect":[1],"goaway":{"last":3,"code":0},"blind":{"from":99,"why":"compression"}}}

> HTTP/2\r\n
> :method: CONNECT\r\n
> :protocol: websocket\r\n
> :scheme: http\r\n
> :path: /chat\r\n
> :authority: chat.test\r\n
> sec-websocket-version: 13\r\n
> \r\n
< HTTP/2\r\n
< :status: 200\r\n
< \r\n
< \x81\x05hello
! reset
`
	transcript, err := wire.ParseTranscript([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	all := transcript.Exchanges(wire.Common{Origin: wire.OriginLive, Route: "default", Client: "192.0.2.1:5000", Backend: "192.0.2.9:80"})
	all[0].ID = "01JSTREAM"
	f := fill(t, all, "")
	_, page := f.get(t, "/exchanges/"+f.ids[0])
	for _, want := range []string{
		"HTTP/2, stream 3", "yes, by SETTINGS_ENABLE_CONNECT_PROTOCOL", "<dd class=\"id\">chat.test</dd>", "2 opened, 1 open when this was reported", "HEADER_TABLE_SIZE=65536", "ENABLE_CONNECT_PROTOCOL=1",
		"NO_ERROR, streams up to 3", "from byte 99 on (compression)", "RST_STREAM CANCEL", `href="/exchanges?q=connection%3a01JCONNECTION"`, "In the tunnel", ":protocol: websocket", `action="/replay"`, "interlock replay 01JSTREAM",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, content(page))
		}
	}
	for _, none := range []string{"After the 101", "Send it again"} {
		if strings.Contains(content(page), none) {
			t.Errorf("there is %q", none)
		}
	}
	for query, found := range map[string]bool{"version:2": true, "version:1.1": false, "connection:01JCONNECTION": true, "connection:01JOTHER": false} {
		if _, list := f.get(t, "/exchanges?q="+strings.ReplaceAll(query, ":", "%3A")); strings.Contains(list, f.ids[0]) != found {
			t.Errorf("%s: found %v", query, !found)
		}
	}
}
