package ui

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/interlock-proxy/interlock/internal/web/filter"
	"github.com/interlock-proxy/interlock/wire"
)

// TestStreamsAreShown shows an exchange of HTTP/2: its stream, what is known of its connection, and a link to
// that. It can be sent again by Interlock alone.
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
		"HTTP/2, stream 3", "yes, by SETTINGS_ENABLE_CONNECT_PROTOCOL", "<dd class=\"id\">chat.test</dd>", "2 opened, 1 open when the latest exchange was reported",
		"NO_ERROR: it takes no streams after 3", "from byte 99 on (compression)", "reset it (RST_STREAM CANCEL)", `href="/connections/01JCONNECTION"`, "In the tunnel", ":protocol: websocket", "Headers, decoded", `action="/replay"`, "interlock replay 01JSTREAM",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, content(page))
		}
	}
	for _, none := range []string{"After the 101", "after the 101", "Send it again", "On the wire"} {
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

// TestConnectionsArePages shows a connection with its settings, in words, and its streams in their order,
// whatever other exchanges there are. The list of exchanges marks those of HTTP/2.
func TestConnectionsArePages(t *testing.T) {
	const text = `stream: {"id":%d,"offered":"yes"%s}
connection: {"id":"01JCONNECTION","streams":%d,"open":1,"client":{"settings":{"1":65536,"77":5}},"server":{"settings":{"1":4096,"8":1}}}

> HTTP/2\r\n
> :method: CONNECT\r\n
> :protocol: websocket\r\n
> :scheme: http\r\n
> :path: /room/%d?token=CANARY\r\n
> :authority: chat.test\r\n
> sec-websocket-version: 13\r\n
> \r\n
< HTTP/2\r\n
< :status: 200\r\n
< \r\n
`
	all := corpus(t)[:20]
	for i, ended := range []string{`,"client":{"end":"end"},"server":{"end":"end"}`, "", `,"server":{"end":"reset","code":8}`} {
		id := 5 - 2*i
		transcript, err := wire.ParseTranscript(fmt.Appendf(nil, text, id, ended, 3+i, id))
		if err != nil {
			t.Fatal(err)
		}
		x := transcript.Exchanges(wire.Common{Origin: wire.OriginLive, Route: "default", Client: "192.0.2.1:5000", Backend: "192.0.2.9:80"})[0]
		x.ID, x.Time = fmt.Sprintf("01JSTREAM%d", id), time.Now()
		all = append(all, x)
	}
	f := fill(t, all, "")
	status, page := f.get(t, "/connections/01JCONNECTION")
	place := 0
	for _, want := range []string{
		"192.0.2.1:5000", "5 opened, 1 open", "HEADER_TABLE_SIZE", "65,536", "4,096", "ENABLE_CONNECT_PROTOCOL", "a client may open WebSockets", "setting 77",
		"01JSTREAM1", "server reset it (RST_STREAM CANCEL)", "01JSTREAM3", "not ended when it was reported", "01JSTREAM5", "client ended it (END_STREAM); server ended it (END_STREAM)",
	} {
		at := strings.Index(page[place:], want)
		if status != 200 || at < 0 {
			t.Fatalf("status %d, no %q in %s", status, want, content(page))
		}
		place += at
	}
	if strings.Contains(page, "CANARY") || strings.Count(page, `<tr id="x-`) != 3 {
		t.Errorf("the page has a secret, or other exchanges: %s", content(page))
	}
	if status, twin := f.get(t, "/connections/01JCONNECTION.json"); status != 200 || !json.Valid([]byte(twin)) || !strings.Contains(twin, `"stream": 5`) {
		t.Errorf("%d: %s", status, twin)
	}
	if status, _ := f.get(t, "/connections/01JOTHER"); status != 404 {
		t.Errorf("a connection that is not there: %d", status)
	}
	if _, list := f.get(t, "/exchanges?q="); strings.Count(list, `<span class="tag">HTTP/2</span>`) < 3 {
		t.Errorf("streams are not marked in %s", content(list))
	}
}

// TestKeysOfFiltersAreListed compares the list on the page of exchanges with the keys that there are. Each
// example is a valid filter.
func TestKeysOfFiltersAreListed(t *testing.T) {
	var names []string
	for _, k := range keys() {
		names = append(names, k.Name)
		if _, _, err := filter.Parse(k.Example); err != nil || !strings.HasPrefix(k.Example, k.Name+":") {
			t.Errorf("%s: %v", k.Example, err)
		}
	}
	want := filter.Keys()
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}
