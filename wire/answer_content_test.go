package wire

import (
	"bytes"
	"strings"
	"testing"
)

// TestContentOfAnswersIsKeptOnDemand checks that an exchange keeps the beginning of the response
// body, without framing and without bytes of other responses, only if it was asked to.
func TestContentOfAnswersIsKeptOnDemand(t *testing.T) {
	const plain = "> POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 5\\r\\n\\r\\nhello\n"
	long := strings.Repeat("x", MaxContent+1)
	for name, test := range map[string]struct{ text, end, want string }{
		"with a length":   {plain + "< HTTP/1.1 100 Continue\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nhello", "", "hello"},
		"in chunks":       {plain + "< HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\nhel\\r\\n2\\r\\nlo\\r\\n0\\r\\n\\r\\n", "", "hello"},
		"to the end":      {plain + "< HTTP/1.1 200 OK\\r\\n\\r\\nhello", "! closed", "hello"},
		"too much":        {plain + "< HTTP/1.1 200 OK\\r\\n\\r\\n" + long, "! closed", long[:MaxContent]},
		"none":            {plain + "< HTTP/1.1 204 No Content\\r\\n\\r\\n", "", ""},
		"not of the next": {plain + plain + "< HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nokHTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nno", "", "ok"},
	} {
		transcript, err := ParseTranscript([]byte("\n" + test.text + "\n" + test.end + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		all := transcript.Exchanges(Common{Every: true, Content: true})
		if len(all) == 0 || !bytes.Equal(all[0].Content, []byte(test.want)) {
			t.Errorf("%s: got %+v, want %q", name, all, test.want)
		}
		if all = transcript.Exchanges(Common{Every: true}); len(all) == 0 || all[0].Content != nil {
			t.Errorf("%s: content was kept without being asked for", name)
		}
		if all = transcript.Exchanges(Common{Content: true}); len(all) != 0 {
			t.Errorf("%s: %d exchanges that have nothing to do with the mechanism", name, len(all))
		}
	}
}

// TestFoldsAreNoPartOfAnElement checks that the elements of a list are the same whether or not its
// line is folded.
func TestFoldsAreNoPartOfAnElement(t *testing.T) {
	for _, value := range []string{"x,\r\n\twebsocket", "\r\n x\r\n ,\r\n \r\n websocket", "x,\n websocket", "x , websocket\r\n "} {
		q := ReadRequest([]byte("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: " + value + "\r\n\r\n"))
		if p := q.Protocols(); len(p) != 2 || p[0].Name != "x" || p[1].Name != "websocket" || !p[1].Valid || !q.Offers("websocket") {
			t.Errorf("%q: got %q", value, p)
		}
	}
	if q := ReadRequest([]byte("GET / HTTP/1.1\r\nUpgrade: web\r\n socket\r\n\r\n")); q.Protocols()[0].Valid {
		t.Error("a fold within a name has vanished")
	}
}
