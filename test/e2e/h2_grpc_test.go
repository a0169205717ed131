//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// plainCodec carries text as it is, so no code has to be generated.
type plainCodec struct{}

func (plainCodec) Marshal(v any) ([]byte, error) { return []byte(*v.(*string)), nil }

func (plainCodec) Unmarshal(b []byte, v any) error {
	*v.(*string) = string(b)
	return nil
}

func (plainCodec) Name() string { return "plain" }

// echoes is a service that answers each message of a stream with the same one, then says how many
// there were in a trailer. It fails after a message "fail".
var echoes = grpc.ServiceDesc{
	ServiceName: "lab.Echo", HandlerType: (*any)(nil),
	Streams: []grpc.StreamDesc{{StreamName: "Talk", ServerStreams: true, ClientStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
		n := 0
		defer func() { stream.SetTrailer(metadata.Pairs("messages", fmt.Sprint(n))) }()
		for ; ; n++ {
			var message string
			switch err := stream.RecvMsg(&message); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			case message == "fail":
				return status.Error(codes.DataLoss, "as asked")
			}
			if err := stream.SendMsg(&message); err != nil {
				return err
			}
		}
	}}},
}

// grpcServer runs a server of that service until the test ends.
func grpcServer(t *testing.T, options ...grpc.ServerOption) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(append(options, grpc.ForceServerCodec(plainCodec{}))...)
	server.RegisterService(&echoes, struct{}{})
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// grpcShown is what talkGRPC returns.
const grpcShown = "1000 messages, 12000 bytes, trailer [1000], OK\n2 messages, 6 bytes, trailer [2], DataLoss as asked\n"

// talkGRPC has two streams with the server, one after the other, and returns their results.
func talkGRPC(t *testing.T, addr string) string {
	return talkGRPCWith(t, addr, insecure.NewCredentials())
}

func talkGRPCWith(t *testing.T, addr string, by credentials.TransportCredentials) string {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(by), grpc.WithDefaultCallOptions(grpc.ForceCodec(plainCodec{})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	many := make([]string, 1000)
	for i := range many {
		many[i] = strings.Repeat("m", i%25)
	}
	return oneTalk(t, conn, many...) + oneTalk(t, conn, "one", "two", "fail")
}

func oneTalk(t *testing.T, conn *grpc.ClientConn, messages ...string) string {
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	stream, err := conn.NewStream(ctx, &echoes.Streams[0], "/lab.Echo/Talk")
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range messages {
		if err := stream.SendMsg(&each); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	n, size := 0, 0
	for {
		var got string
		if err = stream.RecvMsg(&got); err != nil {
			break
		}
		if got != messages[n] {
			t.Errorf("message %d is %q, want %q", n, got, messages[n])
		}
		n, size = n+1, size+len(got)
	}
	said := status.Convert(err)
	if errors.Is(err, io.EOF) {
		said = status.New(codes.OK, "")
	}
	return fmt.Sprintf("%d messages, %d bytes, trailer %v, %s\n", n, size, stream.Trailer()["messages"], strings.TrimSpace(said.Code().String()+" "+said.Message()))
}
