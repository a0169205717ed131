package rules

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"

	"github.com/interlock-proxy/interlock/wire/ws"
)

// A jsonWriter writes JSON as encoding/json does, byte for byte. That package looks at each field by
// reflection, which takes several times longer, and a store writes a ruling for each exchange. What
// few rulings have is left to it.
type jsonWriter struct {
	b   []byte
	err error
}

// appendMembers appends the object of a ruling without its end. Members are in the order of rulingJSON.
func (j *rulingJSON) appendMembers(to []byte) ([]byte, error) {
	w := jsonWriter{b: to}
	w.raw(`{"schema":`).number(int64(j.Schema))
	w.raw(`,"id":`).text(j.ID)
	w.raw(`,"revision":`).number(int64(j.Revision))
	w.raw(`,"instance":`).text(j.Instance)
	w.raw(`,"origin":`).text(string(j.Origin))
	w.raw(`,"probe":`).text(j.Probe)
	j.encodeProbe(&w)
	w.raw(`,"run":`).text(j.Run)
	w.raw(`,"time":`).text(j.Time)
	w.raw(`,"route":`).text(j.Route)
	w.raw(`,"endpoint":`).text(j.Endpoint)
	w.raw(`,"client":`).text(j.Client)
	w.raw(`,"backend":`).text(j.Backend)
	w.raw(`,"tls":{"client":`).truth(j.TLS.Client)
	w.raw(`,"backend":`).truth(j.TLS.Backend)
	w.option(j.TLS.NoSNI, `,"noSNI":true`)
	w.some(len(j.TLS.Flags) > 0, `,"flags":`, &j.TLS.Flags)
	w.raw(`}`)
	j.Request.encode(&w)
	w.some(len(j.Interim) > 0, `,"interim":`, &j.Interim)
	w.some(len(j.Noise) > 0, `,"noise":`, &j.Noise)
	w.some(len(j.Former) > 0, `,"former":`, &j.Former)
	j.Response.encode(&w)
	w.raw(`,"outcome":`).text(string(j.Outcome))
	w.raw(`,"cause":`).text(string(j.Cause))
	w.raw(`,"blocked":`).truth(j.Blocked)
	w.raw(`,"altered":`).texts(j.Altered)
	w.some(j.Elsewhere != "", `,"elsewhere":`, &j.Elsewhere)
	w.some(len(j.Lossy) > 0, `,"lossy":`, &j.Lossy)
	w.raw(`,"verdict":`).text(j.Verdict.String())
	w.raw(`,"unsafe":`).truth(j.Unsafe)
	w.raw(`,"milliseconds":`).float(j.Milliseconds)
	w.raw(`,"after":`)
	j.After.encode(&w)
	j.encodeRest(&w)
	return w.b, w.err
}

// encodeProbe writes what only probes have.
func (j *rulingJSON) encodeProbe(w *jsonWriter) {
	w.some(j.Controls != "", `,"controls":`, &j.Controls)
	w.some(j.Control != 0, `,"controlStatus":`, &j.Control)
	w.some(len(j.Lured) > 0, `,"lured":`, &j.Lured)
	w.some(len(j.Inside) > 0, `,"inside":`, &j.Inside)
	w.some(j.Follow != nil, `,"follow":`, j.Follow)
	w.some(len(j.Suspects) > 0, `,"suspects":`, &j.Suspects)
	w.option(j.Flaky, `,"flaky":true`)
}

// encodeRest writes what follows after the tunnel.
func (j *rulingJSON) encodeRest(w *jsonWriter) {
	if j.Frames != nil {
		w.raw(`,"frames":`).facts(j.Frames)
	}
	w.some(j.HTTP2 != nil, `,"http2":`, j.HTTP2)
	w.some(j.TLSRecords != nil, `,"tlsRecords":`, j.TLSRecords)
	w.some(j.Messages != nil, `,"messages":`, j.Messages)
	w.some(j.Stream != nil, `,"stream":`, j.Stream)
	w.some(j.Hop != nil, `,"hop":`, j.Hop)
	w.some(len(j.Early) > 0, `,"early":`, &j.Early)
	w.some(j.EarlyBytes != 0, `,"earlyBytes":`, &j.EarlyBytes)
	w.some(j.Next != nil, `,"next":`, j.Next)
}

func (j *requestJSON) encode(w *jsonWriter) {
	w.raw(`,"request":{"method":`).text(j.Method)
	w.raw(`,"target":`).text(j.Target)
	w.raw(`,"version":`).text(j.Version)
	w.raw(`,"offers":`).texts(j.Offers)
	w.raw(`,"head":`).bytes(j.Head)
	w.some(len(j.Far) > 0, `,"far":`, &j.Far)
	w.some(len(j.Redacted) > 0, `,"redacted":`, &j.Redacted)
	w.raw(`}`)
}

func (j *responseJSON) encode(w *jsonWriter) {
	if j == nil {
		w.raw(`,"response":null`)
		return
	}
	w.raw(`,"response":{"status":`).number(int64(j.Status))
	w.raw(`,"reason":`).text(j.Reason)
	w.raw(`,"upgrade":`).texts(j.Upgrade)
	w.raw(`,"head":`).bytes(j.Head)
	w.some(len(j.Redacted) > 0, `,"redacted":`, &j.Redacted)
	w.raw(`}`)
}

func (j *afterJSON) encode(w *jsonWriter) {
	if j == nil {
		w.raw(`null`)
		return
	}
	w.raw(`{"client":`).bytes(j.Client)
	w.raw(`,"server":`).bytes(j.Server)
	w.raw(`,"clientBytes":`).number(j.ClientBytes)
	w.raw(`,"serverBytes":`).number(j.ServerBytes)
	w.raw(`,"closed":`).text(j.Closed)
	w.some(j.HalfClosed != "", `,"halfClosed":`, &j.HalfClosed)
	if e := j.End; e != nil {
		w.raw(`,"end":{"milliseconds":`).float(e.Milliseconds)
		w.raw(`,"idle":`).float(e.Idle)
		w.option(e.Lost, `,"lost":true`)
		w.some(e.First != "", `,"first":`, &e.First)
		e.Client.encode(w, `,"client":`)
		e.Server.encode(w, `,"server":`)
		w.raw(`}`)
	}
	w.raw(`}`)
}

func (j *wordJSON) encode(w *jsonWriter, name string) {
	switch {
	case j == nil:
	case j.Code == 0 && j.Reason == "":
		w.raw(name).raw(`{"last":`).text(j.Last)
		w.raw(`}`)
	default:
		w.some(true, name, j)
	}
}

// raw writes JSON as it is.
func (w *jsonWriter) raw(text string) *jsonWriter {
	w.b = append(w.b, text...)
	return w
}

// option writes JSON if it is to be there.
func (w *jsonWriter) option(there bool, text string) {
	if there {
		w.raw(text)
	}
}

// some writes a name and what the pointer points to, if that is to be there.
func (w *jsonWriter) some(there bool, name string, value any) {
	if there {
		w.raw(name).any(value)
	}
}

// any writes a value by encoding/json.
func (w *jsonWriter) any(value any) {
	text, err := json.Marshal(value)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, text...)
}

func (w *jsonWriter) number(n int64) { w.b = strconv.AppendInt(w.b, n, 10) }

func (w *jsonWriter) truth(is bool) { w.b = strconv.AppendBool(w.b, is) }

// float writes a number; encoding/json writes small and large ones in another way.
func (w *jsonWriter) float(f float64) {
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) || math.IsNaN(f) {
		w.any(f)
		return
	}
	w.b = strconv.AppendFloat(w.b, f, 'f', -1, 64)
}

// text writes a string. Most have no character that is escaped.
func (w *jsonWriter) text(s string) {
	if !isPlain(s) {
		w.any(s)
		return
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

// texts writes a list of strings.
func (w *jsonWriter) texts(all []string) {
	if all == nil {
		w.raw(`null`)
		return
	}
	w.raw(`[`)
	for i, s := range all {
		w.option(i > 0, `,`)
		w.text(s)
	}
	w.raw(`]`)
}

// bytes writes bytes in base64.
func (w *jsonWriter) bytes(p []byte) {
	if p == nil {
		w.raw(`null`)
		return
	}
	w.b = append(base64.StdEncoding.AppendEncode(append(w.b, '"'), p), '"')
}

// facts writes the facts of frames.
func (w *jsonWriter) facts(f *ws.Facts) {
	text, err := f.MarshalJSON()
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, text...)
}
