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

// cl-async's tcp-server and tcp-send: an echo server, and a client that ends
// the loop when it has its answer.
func ExampleServe() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) { c.Send(data) },
		})
		if err != nil {
			return err
		}
		tcp.Send(ctx, s.Addr().String(), []byte("hello"), tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) {
				fmt.Printf("%s\n", data)
				aio.LoopOf(ctx).Exit(nil)
				c.Close()
			},
		})
		return nil
	})
	fmt.Println(err)
	// Output:
	// hello
	// <nil>
}

// The address being in use is an error of the call.
func ExampleServe_addressInUse() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{HalfOpen: true})
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = tcp.Serve(ctx, s.Addr().String(), tcp.Handler{HalfOpen: true})
		var e *aio.ConnError
		fmt.Println(errors.As(err, &e), e.Op)
		return nil
	})
	// Output: true listen
}

// In stream style each connection is a function, which reads and writes as with
// any net.Conn.
func ExampleServer_stream() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s := &tcp.Server{
			MaxConns:    100,
			ReadTimeout: time.Minute,
			Stream: func(ctx context.Context, c *tcp.Conn) error {
				_, err := fmt.Fprintln(c, "hello")
				return err
			},
		}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		c, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		answer, err := io.ReadAll(c)
		fmt.Printf("%s", answer)
		return err
	})
	// Output: hello
}

// A server that can be started by hand, by systemd's socket activation, and by
// its predecessor, which has called HandOver.
func ExampleServer_StartInherited() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		s := &tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) {
			c.SendString("welcome")
			c.CloseAfterFlush()
		}}}
		if err := s.StartInherited(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		c, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		greeting, err := io.ReadAll(c)
		fmt.Printf("%s\n", greeting)
		return err
	})
	// Output: welcome
}

// A port forwarder: what comes on a connection goes to another server, and what
// that says goes back.
func ExamplePipe() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		target, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) { c.Send(bytes.ToUpper(data)) },
		})
		if err != nil {
			return err
		}
		defer target.Close()
		forwarder := &tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
			up, err := tcp.Dial(ctx, target.Addr().String()).Await(ctx)
			if err != nil {
				return err
			}
			moved, err := tcp.Pipe(ctx, c, up).Await(ctx)
			fmt.Printf("%+v\n", moved)
			return err
		}}
		if err := forwarder.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		c, err := tcp.Dial(ctx, forwarder.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		fmt.Fprint(c, "hello")
		c.CloseWrite()
		answer, err := io.ReadAll(c)
		fmt.Printf("%s\n", answer)
		c.Close()
		return errors.Join(err, forwarder.Shutdown(ctx))
	})
	fmt.Println(err)
	// Unordered output:
	// HELLO
	// {AToB:5 BToA:5}
	// <nil>
}

// Shutdown lets connections finish what they do.
func ExampleServer_Shutdown() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		asked := make(chan struct{})
		s, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) {
				close(asked)
				aio.Spawn(c.Context(), "answer", func(context.Context) error {
					c.SendString("late, but not too late")
					return nil
				})
			},
		})
		if err != nil {
			return err
		}
		c, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		fmt.Fprint(c, "question")
		<-asked
		shutdown := aio.Go(ctx, "shutdown", func(ctx context.Context) (struct{}, error) {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return struct{}{}, s.Shutdown(ctx)
		})
		answer, err := io.ReadAll(c)
		fmt.Printf("%s\n", answer)
		if err != nil {
			return err
		}
		c.Close()
		_, err = shutdown.Await(ctx)
		fmt.Println(err)
		return err
	})
	// Output:
	// late, but not too late
	// <nil>
}

// A Listener is a net.Listener, and has a channel of its connections for
// select.
func ExampleListen() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		l, err := tcp.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		client := tcp.Dial(ctx, l.Addr().String())
		select {
		case c := <-l.Conns():
			c.SendString("welcome")
			c.CloseAfterFlush()
		case <-aio.Draining(ctx):
			return nil
		}
		c, err := client.Await(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		greeting, err := io.ReadAll(c)
		fmt.Printf("%s\n", greeting)
		return err
	})
	// Output: welcome
}

// Dial gives a future: here of a connection that is refused.
func ExampleDial() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		_, err := tcp.Dial(ctx, "127.0.0.1:1").Await(ctx)
		var e *aio.ConnError
		if errors.Is(err, aio.ErrRefused) && errors.As(err, &e) {
			fmt.Println(e.Op, e.Addr, "refused")
		}
		return nil
	})
	// Output: dial 127.0.0.1:1 refused
}

// A dial that fails calls Event, with a nil *Conn.
func ExampleSend() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		tcp.Send(ctx, "127.0.0.1:1", []byte("hello"), tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) { fmt.Printf("%s\n", data) },
			Event: func(c *tcp.Conn, err error) {
				fmt.Println(c == nil, errors.Is(err, aio.ErrRefused))
			},
		})
		return nil
	})
	fmt.Println(err)
	// Output:
	// true true
	// <nil>
}
