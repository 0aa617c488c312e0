package live

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// ErrToken says that a Server needs a Token: its address can be reached from
// other machines.
var ErrToken = errors.New("live: a Token is required, because others can reach the address")

// Server serves a Page until its loop has ended. It runs in its own loop,
// is no operation of the one that it shows, and does not hold that open. Set
// the fields before Start; a Server starts once.
type Server struct {
	Page
	// TLS serves TLS, with this configuration.
	TLS *tls.Config

	own  aio.Loop
	http httpx.Server
	over chan struct{} // closed when own has ended
	addr string
}

// Serve starts a server, read-only, of the page of ctx's loop: see
// Server.Start.
func Serve(ctx context.Context, addr string) (*Server, error) {
	s := new(Server)
	return s, s.Start(ctx, addr)
}

// Start listens on addr and serves the page of Loop, which has not ended yet.
// addr is "HOST:PORT", or "unix:PATH". An address without a host, ":6060", is
// one of 127.0.0.1. The file of a socket can be used by its owner only: change
// its mode after Start for others. ctx names the loop, if Loop is nil, and has
// no other meaning. Errors are an *aio.ConnError, ErrToken, aio.ErrNoLoop and
// aio.ErrLoopDone, and those of os.Chmod.
//
// When all of the loop's operations have ended, or were given up, the pages
// show that, and what was left. Then the server ends, which takes some
// milliseconds, and with a browser that does not read a fifth of a second. Run
// returns after that.
func (s *Server) Start(ctx context.Context, addr string) error {
	if s.Loop == nil {
		s.Loop = aio.LoopOf(ctx)
	}
	switch {
	case s.Loop == nil:
		return aio.ErrNoLoop
	case s.Loop.Stats().Phase == "done":
		return aio.ErrLoopDone
	case s.over != nil:
		return errors.New("live: the server was started before")
	}
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr
	}
	if s.Token == "" && !localListen(addr) {
		return fmt.Errorf("%w: %s", ErrToken, addr)
	}
	s.init()
	s.served = true
	s.over, s.addr = make(chan struct{}), addr
	s.setUp()
	started := make(chan error, 1)
	go s.run(started)
	if err := <-started; err != nil {
		<-s.over
		return err
	}
	s.Loop.AtExit(s.finish)
	return nil
}

// maxConns bounds a server's connections.
const maxConns = 100

// endGrace is how long pages have at the end to take what they are sent, and
// again when that is cancelled.
const endGrace = 100 * time.Millisecond

// hurryTime is less than aio gives the last AtExit function.
const hurryTime = 15 * time.Millisecond

// setUp makes the server's own loop and its HTTP server.
func (s *Server) setUp() {
	s.own.Name = strings.TrimSpace(s.Loop.Name + " live")
	s.own.Logger = s.Loop.Logger
	s.own.OnEvent = aio.LogEvents
	s.own.CatchPanics = true
	s.own.Abandon = endGrace
	s.http.Handler = &s.Page
	s.http.TLS = s.TLS
	s.http.MaxConns = maxConns
}

// run runs the server's own loop.
func (s *Server) run(started chan<- error) {
	defer close(s.over)
	var failed error
	err := s.own.Run(context.Background(), func(ctx context.Context) error {
		failed = s.http.Start(ctx, s.addr)
		if path, ok := strings.CutPrefix(s.addr, "unix:"); ok && failed == nil && !strings.HasPrefix(path, "@") {
			failed = os.Chmod(path, 0o600)
		}
		started <- failed
		return failed
	})
	if err != nil && failed == nil {
		cmp.Or(s.own.Logger, slog.Default()).Error("the live page has failed", "loop", s.own.Name, "err", err)
	}
}

// finish shows the pages the end of the loop, and ends the server. It is an
// AtExit function. If the loop has given something up it has no time left, and
// does not wait for the server's end to the last.
func (s *Server) finish() {
	patience := time.Hour
	if s.Loop.Stats().InFlight > 0 {
		patience = hurryTime
	}
	close(s.ended)
	s.end(patience)
}

// Close ends the server, and returns when it has ended. Pages that are open are
// told the loop's end if it has ended. It does nothing to a server that was not
// started.
func (s *Server) Close() {
	if s.over != nil {
		s.end(time.Hour)
	}
}

// end has the server end, within twice endGrace, and waits for that.
func (s *Server) end(patience time.Duration) {
	s.own.Exit(nil)
	// earlier than Loop.Grace, which is worth a warning
	cancel := time.AfterFunc(endGrace, func() { s.own.Cancel(nil) })
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-s.over:
		cancel.Stop()
	case <-late.C:
	}
	s.history.forget()
}

// Addr returns the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.http.Addr() }

// URL returns the address of the page, with the token. For a unix socket it is
// "unix:PATH", as cmd/aiolive takes it.
func (s *Server) URL() string {
	if strings.HasPrefix(s.addr, "unix:") {
		return s.addr
	}
	u := url.URL{Scheme: "http", Host: s.Addr().String(), Path: "/"}
	if s.TLS != nil {
		u.Scheme = "https"
	}
	if s.Token != "" {
		u.RawQuery = url.Values{"token": {s.Token}}.Encode()
	}
	return u.String()
}

// localListen reports whether only this machine can reach an address to listen
// on.
func localListen(addr string) bool {
	if strings.HasPrefix(addr, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
