package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// crowdSize is the number of tunnels open at the same time. Each takes two descriptors of this
// process.
const crowdSize = 8000

// crowded is an environment variable. If it is set, this process plays both ends of the crowd and
// runs no tests.
const crowded = "INTERLOCK_TEST_CROWD"

// crowd opens crowdSize tunnels through the relay whose address it reads from standard input. It
// sends bytes both ways through each, and closes them on command.
func crowd() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	orders := bufio.NewScanner(os.Stdin)
	orders.Scan()
	addr := orders.Text()
	var ends []net.Conn
	for range crowdSize {
		client, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(client, handshake); err != nil {
			return err
		}
		backend, err := ln.Accept()
		if err != nil {
			return err
		}
		ends = append(ends, client, backend)
		if err := errors.Join(takes(backend, handshake), says(backend, switching), takes(client, switching),
			says(client, "to the backend"), takes(backend, "to the backend"), says(backend, "to the client"), takes(client, "to the client")); err != nil {
			return err
		}
	}
	fmt.Println("open")
	orders.Scan()
	for i := 0; i < len(ends); i += 2 {
		if err := errors.Join(says(ends[i], "bye"), ends[i].Close(), takes(ends[i+1], "bye"), takesEnd(ends[i+1]), ends[i+1].Close()); err != nil {
			return err
		}
	}
	fmt.Println("closed")
	return nil
}

func says(conn net.Conn, text string) error {
	_, err := io.WriteString(conn, text)
	return err
}

func takes(conn net.Conn, want string) error {
	got := make([]byte, len(want))
	conn.SetReadDeadline(time.Now().Add(patience))
	if n, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		return fmt.Errorf("got %q (%w), want %q", got[:n], err, want)
	}
	return nil
}

func takesEnd(conn net.Conn) error {
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("got %d bytes, %w; want the end", n, err)
	}
	return nil
}
