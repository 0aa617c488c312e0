package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// silent takes what comes and says nothing.
var silent = tcp.Handler{Data: func(*tcp.Conn, []byte) {}}

// tcp-send's timeouts are the Dialer's.
func ExampleDialer() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", silent)
		if err != nil {
			return err
		}
		d := &tcp.Dialer{ReadTimeout: 10 * time.Millisecond, WriteTimeout: time.Minute}
		d.Send(ctx, s.Addr().String(), []byte("hello"), tcp.Handler{
			Event:  func(_ *tcp.Conn, err error) { fmt.Println("timeout:", errors.Is(err, aio.ErrTimeout)) },
			Closed: func(*tcp.Conn, error) { s.Close() },
		})
		return nil
	})
	// Output: timeout: true
}

// An address without a host is every address of the machine, as nil is to
// tcp-server.
func ExampleServe_anyAddress() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, ":0", silent)
		if err != nil {
			return err
		}
		defer s.Close()
		fmt.Println(s.Addr().(*net.TCPAddr).IP.IsUnspecified())
		return nil
	})
	// Output: true
}

// What the seed tells as connection-eof, -timeout, -refused, -dns-error and
// socket-closed.
func ExampleHandler_conditions() {
	told := make(chan error, 1)
	tell := tcp.Handler{Event: func(_ *tcp.Conn, err error) { told <- err }}
	aio.Run(context.Background(), func(ctx context.Context) error {
		quiet, err := tcp.Serve(ctx, "127.0.0.1:0", silent)
		if err != nil {
			return err
		}
		defer quiet.Close()
		curt, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{Open: func(c *tcp.Conn) { c.CloseAfterFlush() }})
		if err != nil {
			return err
		}
		defer curt.Close()

		c, err := tcp.Send(ctx, curt.Addr().String(), nil, tell).Await(ctx)
		fmt.Println("connected:", err)
		fmt.Println("eof:", errors.Is(<-told, aio.ErrEOF))
		impatient := &tcp.Dialer{ReadTimeout: time.Millisecond}
		impatient.Send(ctx, quiet.Addr().String(), nil, tell)
		fmt.Println("timeout:", errors.Is(<-told, aio.ErrTimeout))
		tcp.Send(ctx, "127.0.0.1:1", nil, tell)
		fmt.Println("refused:", errors.Is(<-told, aio.ErrRefused))
		tcp.Send(ctx, "no-such-name.invalid:80", nil, tell)
		fmt.Println("dns-error:", errors.Is(<-told, aio.ErrDNS))
		<-c.Done()
		_, err = c.SendString("too late").Await(ctx)
		fmt.Println("closed:", errors.Is(err, aio.ErrClosed))
		return nil
	})
	// Output:
	// connected: <nil>
	// eof: true
	// timeout: true
	// refused: true
	// dns-error: true
	// closed: true
}
