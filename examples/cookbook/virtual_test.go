package cookbook_test

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// ask sends a line and returns the answer. It tries again each minute.
func ask(ctx context.Context, dialer *tcp.Dialer, addr, line string) (string, error) {
	every := timer.Backoff{Initial: time.Minute, Max: time.Minute, Jitter: -1, Elapsed: time.Hour}
	return timer.Retry(ctx, every, func(ctx context.Context) (string, error) {
		c, err := dialer.Dial(ctx, addr).Await(ctx)
		if err != nil {
			return "", err
		}
		defer c.Close()
		if _, err := c.Write([]byte(line + "\n")); err != nil {
			return "", err
		}
		for answer, err := range tcp.Lines(c, 1<<10) {
			return string(answer), err
		}
		return "", net.ErrClosed
	}).Await(ctx)
}

func TestAskTriesAgain(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		network := aiotest.Network{Latency: time.Second}
		ln, err := network.Listen("server:1")
		if err != nil {
			return err
		}
		server := &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }}}
		if err := server.StartOn(ctx, ln); err != nil {
			return err
		}
		defer server.Close()
		fault := aiotest.Plan{FailWrite: 1, Err: syscall.ECONNRESET}
		dialer := &tcp.Dialer{DialContext: func(ctx context.Context, netw, addr string) (net.Conn, error) {
			c, err := network.DialContext(ctx, netw, addr)
			if err != nil {
				return nil, err
			}
			// of the first connection only
			defer func() { fault = aiotest.Plan{} }()
			return aiotest.Faulty(c, fault), nil
		}}
		begin := time.Now()
		answer, err := ask(ctx, dialer, "server:1", "hello")
		if took := time.Since(begin); answer != "hello" || took != time.Minute+2*time.Second {
			t.Errorf("got %q after %v", answer, took)
		}
		return err
	})
}
