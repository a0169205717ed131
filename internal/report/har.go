package report

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"strings"

	"github.com/interlock-proxy/interlock/rules"
	"github.com/interlock-proxy/interlock/wire"
)

var _ = register(Format{
	Name: "har", Title: "HTTP Archive 1.2, an entry an exchange",
	Open: func(w io.Writer, o Options) Writer { return &harWriter{w: w, Options: o} },
})

// harWriter writes an entry for each exchange as it comes. Bytes that the format cannot hold are in
// _interlock, which is the ruling as the contracts have it, with the heads in base64.
type harWriter struct {
	w io.Writer
	Options
	begun bool
	text  []byte // of the last entry, whose place is used again
	urls  harURLs
}

type (
	// harEntry is an entry but for _interlock.
	harEntry struct {
		Started  string       `json:"startedDateTime"`
		Time     float64      `json:"time"` // in milliseconds
		Request  harRequest   `json:"request"`
		Response harResponse  `json:"response"`
		Cache    struct{}     `json:"cache"`
		Timings  harTimings   `json:"timings"`
		Server   string       `json:"serverIPAddress,omitempty"`
		Type     string       `json:"_resourceType,omitempty"`
		Messages []harMessage `json:"_webSocketMessages,omitempty"`
	}
	harRequest struct {
		Method   string    `json:"method"`
		URL      string    `json:"url"`
		Version  string    `json:"httpVersion"`
		Cookies  []harPair `json:"cookies"`
		Fields   []harPair `json:"headers"`
		Query    []harPair `json:"queryString"`
		HeadSize int       `json:"headersSize"`
		BodySize int       `json:"bodySize"`
	}
	harResponse struct {
		Status   int        `json:"status"`
		Reason   string     `json:"statusText"`
		Version  string     `json:"httpVersion"`
		Cookies  []harPair  `json:"cookies"`
		Fields   []harPair  `json:"headers"`
		Content  harContent `json:"content"`
		Location string     `json:"redirectURL"`
		HeadSize int        `json:"headersSize"`
		BodySize int        `json:"bodySize"`
	}
	harPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	harContent struct {
		Size int    `json:"size"`
		Type string `json:"mimeType"`
	}
	harTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
)

// unknown stands for an unknown size in a HAR file.
const unknown = -1

// Write is part of Writer.
func (h *harWriter) Write(r *rules.Ruling) error {
	if err := h.begin(); err != nil {
		return err
	}
	e := h.entry(r)
	b, err := e.appendTo(h.text[:0])
	if err != nil {
		return err
	}
	if b, err = AppendElement(append(b, `,"_interlock":`...), r); err != nil {
		return err
	}
	b = append(b, '}')
	h.text = b
	_, err = h.w.Write(b)
	return err
}

// entry returns the entry of an exchange.
func (h *harWriter) entry(r *rules.Ruling) harEntry {
	x := r.X
	q, ms := shownRequest(r), float64(x.Took.Microseconds())/1000
	e := harEntry{
		Started: x.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Time: ms, Timings: harTimings{Wait: ms}, Server: harAddress(x.Backend),
		Request: harRequest{
			Method: q.Method, URL: h.urls.of(x, q), Version: q.Version, Cookies: []harPair{}, Fields: harFields(&q.Head), Query: harQuery(q.Target),
			HeadSize: len(q.Raw), BodySize: unknown,
		},
		Response: harResponse{
			Cookies: []harPair{}, Fields: []harPair{}, Content: harContent{Type: "x-unknown"}, HeadSize: unknown, BodySize: unknown,
		},
	}
	if x.Response != nil {
		e.Response.take(shownResponse(r))
	}
	if x.Outcome == wire.Switched && x.Protocol() == "websocket" {
		e.Type = "websocket"
		if a := &x.After; len(a.Client)+len(a.Server) > 0 || a.Messages != nil {
			s := r.Evidence()
			e.Messages = harMessages(x, &s)
		}
	}
	return e
}

// shownRequest returns the request fit to be shown.
func shownRequest(r *rules.Ruling) *wire.Request {
	if raw := r.Head(rules.InRequest); !bytes.Equal(raw, r.X.Request.Raw) {
		return wire.ReadRequest(raw)
	}
	return r.X.Request
}

// shownResponse returns the response fit to be shown.
func shownResponse(r *rules.Ruling) *wire.Response {
	if raw := r.Head(rules.InResponse); !bytes.Equal(raw, r.X.Response.Raw) {
		return wire.ReadResponse(raw)
	}
	return r.X.Response
}

// begin writes the separator before an entry.
func (h *harWriter) begin() error {
	front := ",\n"
	if !h.begun {
		version := h.Version
		if version == "" {
			version = "unknown"
		}
		name, err := json.Marshal(version)
		if err != nil {
			return err
		}
		h.begun, front = true, `{"log": {"version": "1.2", "creator": {"name": "Interlock", "version": `+string(ascii(name))+"}, \"entries\": [\n"
	}
	_, err := io.WriteString(h.w, front)
	return err
}

// Close is part of Writer.
func (h *harWriter) Close(s *Summary) error {
	if !h.begun {
		if err := h.begin(); err != nil {
			return err
		}
	}
	lines := []string{s.Result(), "coverage: " + s.Coverage.String()}
	lines = append(lines, s.notes()...)
	end, err := json.Marshal(struct {
		Comment    string         `json:"comment"`
		Properties map[string]any `json:"_interlock"`
	}{strings.Join(lines, "\n"), s.properties()})
	if err == nil {
		_, err = h.w.Write(append(append([]byte("\n], "), ascii(end[1:])...), "}\n"...))
	}
	return err
}

func (h *harResponse) take(p *wire.Response) {
	h.Status, h.Reason, h.Version, h.Fields, h.HeadSize = p.Status, p.Reason, p.Version, harFields(&p.Head), len(p.Raw)
	if p.Status >= 300 && p.Status < 400 {
		h.Location, _ = p.Value("Location")
	}
	if t, ok := p.Value("Content-Type"); ok {
		h.Content.Type = t
	}
}

func harFields(h *wire.Head) []harPair {
	fields := make([]harPair, 0, len(h.Fields))
	if h.HTTP2() {
		for _, f := range h.HTTP2Fields() {
			fields = append(fields, harPair{f.Name, f.Value})
		}
		return fields
	}
	for _, f := range h.Fields {
		fields = append(fields, harPair{string(h.Text(f.Name)), string(h.Text(f.Value))})
	}
	return fields
}

// harAddress is the IP address of a backend, without its port and its zone; empty if there is none.
func harAddress(backend string) string {
	host, _, err := net.SplitHostPort(backend)
	if ip := net.ParseIP(host); err == nil && ip != nil {
		return ip.String()
	}
	return ""
}
