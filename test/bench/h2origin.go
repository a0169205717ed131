//go:build linux

//lint:file-ignore SA1019 net/http has no extended CONNECT, golang.org/x/net has

package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"path/filepath"

	"golang.org/x/net/http2"
)

// http2Origin answers GETs in HTTP/2 in TLS at args[0], with the certificate in the folder args[1], and answers
// frames in tunnels that an extended CONNECT opens, as the other origin does at that path. That needs GODEBUG=http2xconnect=1.
func http2Origin(args []string) error {
	server := &http.Server{Addr: args[0], Handler: http.HandlerFunc(answerHTTP2), ErrorLog: log.New(io.Discard, "", 0)}
	if err := http2.ConfigureServer(server, &http2.Server{MaxConcurrentStreams: 1000}); err != nil {
		return err
	}
	return server.ListenAndServeTLS(filepath.Join(args[1], "cert.pem"), filepath.Join(args[1], "key.pem"))
}

func answerHTTP2(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, originBody) // the client sees what is missing
		return
	}
	w.WriteHeader(http.StatusOK)
	unit, answer := len(echoed), func(in []byte) []byte { return unmasked(append([]byte(nil), in...)) }
	if size := bulkFrames[r.URL.Path]; size > 0 {
		portion := bytes.Repeat(serverFrame(size), bulkSize/size)
		unit, answer = len(asked), func(in []byte) []byte { return bytes.Repeat(portion, len(in)/len(asked)) }
	}
	out := http.NewResponseController(w)
	in := make([]byte, 0, 4096)
	for err := out.Flush(); err == nil; err = out.Flush() {
		n, failed := r.Body.Read(in[len(in):cap(in)])
		if failed != nil {
			return
		}
		in = in[:len(in)+n]
		whole := len(in) - len(in)%unit
		if _, err := w.Write(answer(in[:whole])); err != nil {
			return
		}
		in = append(in[:0], in[whole:]...)
	}
}
