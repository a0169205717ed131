package trace

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver is a collector that speaks OTLP/HTTP.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*otlp.Span
	about map[string]string // attributes of the resource
	token string
	text  []byte // of all requests
	bad   error
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{about: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	text, err := read(q)
	var asked collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(text, &asked)
	}
	if q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/x-protobuf" {
		err = errors.Join(err, fmt.Errorf("%s %s", q.URL.Path, q.Header.Get("Content-Type")))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bad, r.token, r.text = errors.Join(r.bad, err), q.Header.Get("Authorization"), append(r.text, text...)
	for _, of := range asked.ResourceSpans {
		r.about = values(of.Resource.Attributes)
		for _, in := range of.ScopeSpans {
			r.spans = append(r.spans, in.Spans...)
		}
	}
	answer, _ := proto.Marshal(&collector.ExportTraceServiceResponse{})
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Write(answer)
}

func read(q *http.Request) ([]byte, error) {
	if q.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(q.Body)
	}
	z, err := gzip.NewReader(q.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// values are attributes by name, as text.
func values(of []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range of {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			all[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			all[a.Key] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			all[a.Key] = fmt.Sprint(v.BoolValue)
		case *common.AnyValue_ArrayValue:
			for _, each := range v.ArrayValue.Values {
				all[a.Key] += each.GetStringValue() + ";"
			}
		}
	}
	return all
}
