package tcp_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// TestDialerKeepAlive holds that Dialer.KeepAlive is the time before the first
// probe and between two, in both styles.
func TestDialerKeepAlive(t *testing.T) {
	for keepAlive, want := range map[time.Duration][4]int{
		0:                       {1, 15, 15, 9},
		3 * time.Second:         {1, 3, 3, 9},
		1500 * time.Millisecond: {1, 2, 2, 9},
		-1:                      {0},
	} {
		for style, h := range map[string]tcp.Handler{"stream": {}, "handler": echo} {
			t.Run(fmt.Sprint(keepAlive, " ", style), func(t *testing.T) {
				aiotest.Run(t, func(ctx context.Context) error {
					s := &tcp.Server{Handler: echo}
					if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
						return err
					}
					defer s.Close()
					d := &tcp.Dialer{KeepAlive: keepAlive}
					c, err := d.Send(ctx, s.Addr().String(), nil, h).Await(ctx)
					if err != nil {
						return err
					}
					defer c.Close()
					wantKeepAlive(t, c.FD(), want)
					return nil
				})
			})
		}
	}
}

// wantKeepAlive wants a socket's probes to be on or off, and if they are on
// begin, be repeated and be so many.
func wantKeepAlive(t *testing.T, fd int, want [4]int) {
	t.Helper()
	options := [4][2]int{
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT},
	}
	var got [4]int
	for i, o := range options {
		var err error
		if got[i], err = syscall.GetsockoptInt(fd, o[0], o[1]); err != nil {
			t.Fatalf("syscall.GetsockoptInt: %v", err)
		}
		if got[0] == 0 {
			break
		}
	}
	if got != want {
		t.Errorf("keep-alive on, first probe, interval, count: %v, want %v", got, want)
	}
}
