//go:build linux

package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"

	"github.com/elazarl/goproxy"
)

// reverseProxy runs httputil.ReverseProxy at args[0], in front of args[1].
func reverseProxy(args []string) error {
	backend := &url.URL{Scheme: "http", Host: args[1]}
	return serve(args[0], &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			r.Out.Host = r.In.Host
		},
		Transport:  transport(),
		BufferPool: &buffers{},
		ErrorLog:   log.New(io.Discard, "", 0),
	})
}

// goProxy runs goproxy at args[0], in front of args[1]. Goproxy treats a request with a relative
// target as one for itself. Given the backend's scheme and host, it proxies that request like any
// other.
func goProxy(args []string) error {
	proxy := goproxy.NewProxyHttpServer()
	proxy.Tr = transport()
	proxy.KeepAcceptEncoding = true
	proxy.NonproxyHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host = "http", args[1]
		proxy.ServeHTTP(w, r)
	})
	return serve(args[0], proxy)
}

func serve(address string, handler http.Handler) error {
	server := &http.Server{Addr: address, Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	return server.ListenAndServe()
}

// transport keeps as many idle connections to the backend as the load opens.
func transport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}
}

// buffers saves ReverseProxy a new 32 KiB buffer for each response.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }
