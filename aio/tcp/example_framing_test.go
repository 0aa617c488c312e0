package tcp_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// A server is called with each line, whatever the parts that it arrives in.
func ExampleFraming_Handler() {
	h := tcp.LineFraming(512).Handler(tcp.Handler{}, func(c *tcp.Conn, line []byte) {
		c.SendString(fmt.Sprintf("%q\n", line))
		if string(line) == "QUIT" {
			c.CloseAfterFlush()
		}
	})
	handled(h, func(ctx context.Context, c *tcp.Conn) error {
		for _, part := range []string{"HE", "LO\r\nNOOP\r", "\nQUIT\r\nnever seen\r\n"} {
			if _, err := c.SendString(part).Await(ctx); err != nil {
				return err
			}
		}
		c.CloseWrite()
		answers, err := io.ReadAll(c)
		fmt.Printf("%s", answers)
		return err
	})
	// Output:
	// "HELO"
	// "NOOP"
	// "QUIT"
}

// Messages with their length before them, both ways.
func ExampleLengthFraming() {
	message := func(s string) []byte {
		b, err := tcp.AppendLengthPrefixed(nil, 2, []byte(s))
		if err != nil {
			fmt.Println(err) // it is longer than 65,535 bytes
		}
		return b
	}
	h := tcp.LengthFraming(2, 1000).Handler(tcp.Handler{}, func(c *tcp.Conn, frame []byte) {
		c.SendOwned(message("hello, " + string(frame)))
	})
	handled(h, func(_ context.Context, c *tcp.Conn) error {
		c.SendOwned(message("Ann"), message("Bob"))
		c.CloseWrite()
		for frame, err := range tcp.LengthPrefixed(c, 2, 1000) {
			if err != nil {
				return err
			}
			fmt.Printf("%s\n", frame)
		}
		return nil
	})
	// Output:
	// hello, Ann
	// hello, Bob
}

// A session in stream style ends by itself when the loop drains.
func ExampleServer_drainReads() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		s := &tcp.Server{DrainReads: true, Stream: func(_ context.Context, c *tcp.Conn) error {
			for line, err := range tcp.Lines(c, 512) {
				if errors.Is(err, aio.ErrExit) {
					fmt.Fprintln(c, "bye")
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(c, "%q\n", line)
			}
			return nil
		}}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		c, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SendString("hello\n")
		for line, err := range tcp.Lines(c, 512) {
			if err != nil {
				return err
			}
			fmt.Printf("%s\n", line)
			aio.LoopOf(ctx).Exit(nil) // the client waits for the end
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// "hello"
	// bye
	// <nil>
}
