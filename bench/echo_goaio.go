package main

import (
	"context"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

func init() {
	roles["echo goaio"] = func(c *control) error {
		return goaioEcho(c, &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			obey(data)
			c.Send(data)
		}}})
	}
	roles["echo goaio stream"] = func(c *control) error {
		return goaioEcho(c, &tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
			echoAll(c)
			return nil
		}})
	}
}

// goaioEcho serves with handlers, or in the stream style.
func goaioEcho(c *control, s *tcp.Server) error {
	// the files are bounded, and all servers may use them
	s.MaxConns = -1
	// a load ends by resets, of which the others tell nothing either
	s.Handler.Event = func(*tcp.Conn, error) {}
	return aio.Run(context.Background(), func(ctx context.Context) error {
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer s.Close()
		c.ready(s.Addr().String())
		return c.serve(nil)
	})
}
