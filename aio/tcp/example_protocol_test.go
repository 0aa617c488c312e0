package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// handled runs a server in handler style and a client that reads and writes.
func handled(h tcp.Handler, client func(ctx context.Context, c *tcp.Conn) error) {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", h)
		if err != nil {
			return err
		}
		defer s.StopAccepting()
		c, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
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

// A callback takes the connection over when the client asks for another
// protocol. What has come behind the request is not lost.
func ExampleConn_Hijack() {
	handled(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
		request, rest, found := bytes.Cut(data, []byte("\n"))
		if !found || string(request) != "UPGRADE" {
			return // a real server keeps a request that has come in part
		}
		if err := c.Hijack(); err != nil {
			return // the connection has ended
		}
		c.Unread(rest)
		defer c.CloseAfterFlush()
		c.Write([]byte("OK\n"))
		io.Copy(c, c) // the other protocol: echo
	}}, func(_ context.Context, c *tcp.Conn) error {
		c.SendString("UPGRADE\nfirst ")
		c.SendString("second")
		c.CloseWrite()
		answer, err := io.ReadAll(c)
		fmt.Printf("%s\n", answer)
		return err
	})
	// Output:
	// OK
	// first second
}

// A callback gives up when the client does.
func ExampleConn_AfterHangUp() {
	// a client that goes is no surprise
	h := tcp.Handler{Event: func(*tcp.Conn, error) {}}
	h.Data = func(c *tcp.Conn, _ []byte) {
		ctx, cancel := context.WithCancelCause(c.Context())
		defer c.AfterHangUp(func(err error) { cancel(err) })()
		c.SendString("begun\n")
		<-ctx.Done() // a long computation, which looks at its ctx
		fmt.Println("the client has hung up:", errors.Is(context.Cause(ctx), aio.ErrReset))
	}
	handled(h, func(_ context.Context, c *tcp.Conn) error {
		c.SendString("compute")
		if _, err := io.ReadFull(c, make([]byte, len("begun\n"))); err != nil {
			return err
		}
		return c.Abort()
	})
	// Output: the client has hung up: true
}

// A server that answers later takes one question at a time. The peer is held up
// once the kernel's buffers are full.
func ExampleConn_PauseReading() {
	handled(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
		question := string(data)
		c.PauseReading()
		aio.Spawn(c.Context(), "answer", func(context.Context) error {
			defer c.ResumeReading()
			_, err := c.SendString("answer to " + question).Await(c.Context())
			return err
		})
	}}, func(_ context.Context, c *tcp.Conn) error {
		c.SendString("question")
		answer := make([]byte, len("answer to question"))
		_, err := io.ReadFull(c, answer)
		fmt.Printf("%s\n", answer)
		return err
	})
	// Output: answer to question
}

// A drain does not end a connection between the parts of a message.
func ExampleConn_SetBusy() {
	var line []byte
	handled(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
		line = append(line, data...)
		whole := bytes.HasSuffix(line, []byte("\n"))
		c.SetBusy(!whole)
		if whole {
			c.SendOwned(line)
			line = nil
		}
	}}, func(ctx context.Context, c *tcp.Conn) error {
		if _, err := c.SendString("a message ").Await(ctx); err != nil {
			return err
		}
		aio.LoopOf(ctx).Exit(nil) // the loop drains
		c.SendString("in two parts\n")
		answer := make([]byte, len("a message in two parts\n"))
		_, err := io.ReadFull(c, answer)
		fmt.Printf("%s", answer)
		return err
	})
	// Output: a message in two parts
}

// The head and the body of an answer go out in one system call, and in one
// packet if they fit.
func ExampleConn_Cork() {
	handled(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
		c.Cork()
		c.SendString("head\n")
		c.SendString("body\n")
		c.Uncork() // or the callback's end
	}}, func(_ context.Context, c *tcp.Conn) error {
		c.SendString("request")
		answer := make([]byte, len("head\nbody\n"))
		_, err := io.ReadFull(c, answer)
		fmt.Printf("%s", answer)
		return err
	})
	// Output:
	// head
	// body
}

// A callback that waits for something slow says so. The others' connections are
// then served meanwhile without any delay.
func ExampleConn_WillBlock() {
	query := func() string { time.Sleep(time.Millisecond); return "a row" }
	handled(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
		c.WillBlock()
		c.SendString(query())
	}}, func(_ context.Context, c *tcp.Conn) error {
		c.SendString("select")
		answer := make([]byte, len("a row"))
		_, err := io.ReadFull(c, answer)
		fmt.Printf("%s\n", answer)
		return err
	})
	// Output: a row
}
