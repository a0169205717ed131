package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/interlock-proxy/interlock/proxy"
	"github.com/interlock-proxy/interlock/wire"
)

// A relay in front of a server that rejects every upgrade.
func ExampleRelay() {
	refuse := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no upgrade here", http.StatusForbidden) }
	origin := &http.Server{Handler: http.HandlerFunc(refuse)}
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go origin.Serve(backend)
	defer origin.Close()

	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	seen := make(chan *wire.Exchange, 8) // room for all reports of one exchange, because Observe must not block
	relay := &proxy.Relay{
		Backend: proxy.To(backend.Addr().String()),
		Observe: func(x *wire.Exchange) { seen <- x },
		Log:     zerolog.Nop(),
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	served := make(chan error, 1) // for the result of Serve
	go func() { served <- relay.Serve(ctx, front) }()

	client, err := net.Dial("tcp", front.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	client.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprint(client, "GET /chat HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(client), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the client got", response.Status)
	response.Body.Close()
	client.Close()

	stop()
	fmt.Println("the relay ended:", <-served)
	close(seen)
	for x := range seen {
		if x.Final {
			fmt.Println("the relay saw", x.Request.Target, x.Outcome)
		}
	}
	// Output:
	// the client got 403 Forbidden
	// the relay ended: <nil>
	// the relay saw /chat refused
}
