// Wsidle echoes messages over WebSockets that cost no goroutine while they are
// idle.
//
//	cd examples/wsidle && go run . [-addr HOST:PORT]
//
// A tcp.Server calls back with what comes. The callbacks make the handshake,
// and take the frames apart, with github.com/gobwas/ws, which works on bytes
// that are there as well as on a stream. On Linux without TLS, what is left of
// an idle socket is its records in the heap, under 2 KB. On Ctrl-C each client
// is told that the server goes away. The program is a module of its own, since
// goaio does not require that library.
//
// A server of package httpx routes requests and bounds their headers, and
// examples/websocket shows how WebSockets are served there. A connection that
// is taken over from it is read by a goroutine.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "wsidle:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("wsidle", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8094", "`address` to listen on")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name:        "wsidle",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		s := &sockets{open: map[*socket]struct{}{}}
		server := &tcp.Server{Handler: tcp.Handler{Open: s.opened}, ReadTimeout: handshakeTime, WriteTimeout: sendTime}
		if err := server.Start(ctx, *addr); err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		<-aio.Draining(ctx)
		s.goAway()
		return nil
	})
	fmt.Fprintln(stdout, "ended with", loop.Stats().InFlight, "operations left")
	return err
}

// sockets are the WebSockets that are open.
type sockets struct {
	mu    sync.Mutex
	open  map[*socket]struct{}
	going bool // there are no new ones
}

const (
	handshakeTime = 10 * time.Second // for each part of a handshake
	sendTime      = 30 * time.Second // without any progress
)

// opened begins a socket, whose handshake is to come.
func (s *sockets) opened(c *tcp.Conn) {
	k := &socket{all: s, conn: c}
	// fails only if the client has gone already
	c.SetHandler(tcp.Handler{Data: k.data, Event: ignore, Closed: k.closed})
}

// add adds a socket whose handshake is done. It reports false if there shall be
// no new ones.
func (s *sockets) add(k *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.going {
		s.open[k] = struct{}{}
	}
	return !s.going
}

// ignore takes the end of a client, whatever it is.
func ignore(*tcp.Conn, error) {}

// goAway tells all clients that the server goes away.
func (s *sockets) goAway() {
	s.mu.Lock()
	s.going = true
	all := make([]*socket, 0, len(s.open))
	for k := range s.open {
		all = append(all, k)
	}
	s.mu.Unlock()
	for _, k := range all {
		k.close(ws.StatusGoingAway)
	}
}

// forget takes a socket off those that are open.
func (s *sockets) forget(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, k)
}
