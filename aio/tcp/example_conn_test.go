package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// connected runs two functions in a loop, one at each end of a connection.
func connected(client, server func(ctx context.Context, c *tcp.Conn) error) {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		var network aiotest.Network // in memory, so that examples need no port
		ln, err := network.Listen("")
		if err != nil {
			return err
		}
		s := &tcp.Server{Stream: server}
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		defer s.StopAccepting()
		d := &tcp.Dialer{DialContext: network.DialContext}
		c, err := d.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer c.CloseAfterFlush()
		return client(ctx, c)
	})
	if err != nil {
		fmt.Println(err)
	}
}

// printAll prints what comes.
func printAll(_ context.Context, c *tcp.Conn) error {
	got, err := io.ReadAll(c)
	fmt.Printf("received %q\n", got)
	return err
}

// Send never blocks; its future resolves when everything is handed to the
// kernel. It is the seed's write-socket-data, and the future its write-cb.
func ExampleConn_Send() {
	connected(func(ctx context.Context, c *tcp.Conn) error {
		first := c.Send([]byte("hello "))
		second := c.SendString("world")
		n, err := first.Await(ctx)
		fmt.Println("sent", n, err)
		n, err = second.Await(ctx)
		fmt.Println("sent", n, err)
		return c.CloseWrite()
	}, printAll)
	// Unordered output:
	// sent 6 <nil>
	// sent 5 <nil>
	// received "hello world"
}

// A full queue refuses a Send; Writable says when to go on.
func ExampleConn_Writable() {
	connected(func(ctx context.Context, c *tcp.Conn) error {
		data := make([]byte, 1<<16)
		for sent := 0; sent < 100; {
			_, err := c.Send(data).Result()
			if errors.Is(err, aio.ErrBacklog) {
				<-c.Writable()
				continue
			}
			sent++
		}
		return c.Flush(ctx)
	}, func(_ context.Context, c *tcp.Conn) error {
		n, err := io.Copy(io.Discard, c)
		fmt.Println("received", n, err)
		return nil
	})
	// Output: received 6553600 <nil>
}

// Nothing came for too long: the seed's set-socket-timeouts.
func ExampleConn_SetTimeouts() {
	connected(func(_ context.Context, c *tcp.Conn) error {
		c.SetTimeouts(time.Millisecond, 0)
		_, err := c.Read(make([]byte, 1))
		fmt.Println("timeout:", errors.Is(err, aio.ErrTimeout), "idle:", errors.Is(err, tcp.ErrIdle))
		_, err = c.Write([]byte("x"))
		fmt.Println("the connection is closed:", errors.Is(err, aio.ErrTimeout))
		return nil
	}, func(_ context.Context, c *tcp.Conn) error {
		io.Copy(io.Discard, c)
		return nil
	})
	// Output:
	// timeout: true idle: true
	// the connection is closed: true
}

// Close is the seed's close-socket.
func ExampleConn_Close() {
	connected(func(_ context.Context, c *tcp.Conn) error {
		c.SendString("bye")
		fmt.Println(c.Close())
		fmt.Println("again:", errors.Is(c.Close(), aio.ErrClosed))
		return nil
	}, printAll)
	// Unordered output:
	// <nil>
	// again: true
	// received "bye"
}

// A connection changes from one style to the other: tcp-send's :socket.
func ExampleConn_SetHandler() {
	connected(func(ctx context.Context, c *tcp.Conn) error {
		closed := make(chan struct{})
		c.SetHandler(tcp.Handler{
			Data:   func(_ *tcp.Conn, data []byte) { fmt.Printf("%s\n", data) },
			Event:  func(_ *tcp.Conn, err error) { fmt.Println(aio.IsInfo(err)) },
			Closed: func(*tcp.Conn, error) { close(closed) },
		})
		c.SendString("a question")
		<-closed
		return nil
	}, func(_ context.Context, c *tcp.Conn) error {
		question := make([]byte, 10)
		if _, err := io.ReadFull(c, question); err != nil {
			return err
		}
		fmt.Printf("%s\n", question)
		c.SendString("an answer")
		return nil
	})
	// Output:
	// a question
	// an answer
	// true
}

// The conditions of a connection, told once each: the seed's event-cb with
// connection-eof and connection-error, and conn-fd, conn-errcode and
// conn-errmsg.
func ExampleHandler_event() {
	connected(func(ctx context.Context, c *tcp.Conn) error {
		closed := make(chan struct{})
		c.SetHandler(tcp.Handler{
			Event: func(_ *tcp.Conn, err error) {
				var e *aio.ConnError
				switch {
				case errors.Is(err, aio.ErrEOF):
					fmt.Println("the peer has ended")
				case errors.Is(err, aio.ErrTimeout):
					fmt.Println("nothing came")
				case errors.As(err, &e):
					fmt.Println(e.Op, "failed:", e.Msg, "reset:", errors.Is(err, aio.ErrReset), "code known:", e.Code > 0)
				}
			},
			Closed: func(*tcp.Conn, error) { close(closed) },
		})
		c.SendString("x")
		<-closed
		return nil
	}, func(_ context.Context, c *tcp.Conn) error {
		c.Read(make([]byte, 1))
		return c.Abort()
	})
	// Output: read failed: connection reset by peer reset: true code known: true
}

// What arrives, and other things, in one select.
func ExampleConn_Chunks() {
	connected(func(ctx context.Context, c *tcp.Conn) error {
		quiet := time.NewTimer(time.Minute)
		defer quiet.Stop()
		for chunks := c.Chunks(ctx); ; {
			select {
			case data, ok := <-chunks:
				if !ok {
					fmt.Println("end", c.Err())
					return nil
				}
				fmt.Printf("%s\n", data)
			case <-quiet.C:
				fmt.Println("nothing came")
			}
		}
	}, func(_ context.Context, c *tcp.Conn) error {
		_, err := c.SendString("a chunk").Result()
		return err
	})
	// Output:
	// a chunk
	// end <nil>
}

// Messages with their lengths before them, over a connection.
func ExampleLengthPrefixed_conn() {
	connected(func(_ context.Context, c *tcp.Conn) error {
		for _, message := range []string{"first", "second"} {
			frame, err := tcp.AppendLengthPrefixed(nil, 4, []byte(message))
			if err != nil {
				return err
			}
			c.SendOwned(frame)
		}
		return nil
	}, func(_ context.Context, c *tcp.Conn) error {
		for frame, err := range tcp.LengthPrefixed(c, 4, 1<<10) {
			if err != nil {
				return err
			}
			fmt.Printf("%s\n", frame)
		}
		return nil
	})
	// Output:
	// first
	// second
}
