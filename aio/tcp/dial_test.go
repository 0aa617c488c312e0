package tcp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// freeAddr returns an address without a listener.
func freeAddr(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestDialRefused(t *testing.T) {
	addr := freeAddr(t)
	aiotest.Run(t, func(ctx context.Context) error {
		_, err := tcp.Dial(ctx, addr).Await(ctx)
		var e *aio.ConnError
		if !errors.Is(err, aio.ErrRefused) || !errors.Is(err, aio.ErrConn) || !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		if e.Op != "dial" || e.Addr != addr || e.FD != -1 || e.Code != int(syscall.ECONNREFUSED) || e.Msg == "" {
			t.Errorf("got %+v", e)
		}
		return nil
	})
}

// A peer that does not answer: 30 s by default.
func TestDialTimeout(t *testing.T) {
	for _, tt := range []struct{ timeout, want time.Duration }{{0, 30 * time.Second}, {time.Second, time.Second}, {-1, time.Hour}} {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			b.net.BlackHole("far:1")
			d := &tcp.Dialer{Timeout: tt.timeout, DialContext: b.net.DialContext}
			ctx, cancel := context.WithTimeout(b.ctx, time.Hour)
			defer cancel()
			start := time.Now()
			_, err := d.Dial(ctx, "far:1").Await(b.ctx)
			var ne net.Error
			if !errors.Is(err, aio.ErrTimeout) || !errors.Is(err, aio.ErrConn) || !errors.As(err, &ne) || !ne.Timeout() || !strings.Contains(err.Error(), "far:1") {
				b.Errorf("got %v", err)
			}
			if d := time.Since(start); d != tt.want {
				b.Errorf("timed out after %v, want %v", d, tt.want)
			}
		})
	}
}

// The timeout covers the TLS handshake, which has one of its own besides.
func TestDialTimeoutTLS(t *testing.T) {
	for _, tt := range []struct{ timeout, want time.Duration }{{0, 10 * time.Second}, {2 * time.Second, 2 * time.Second}} {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			// reads, and says nothing
			s := &tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
				io.Copy(io.Discard, c)
				return nil
			}}
			d := &tcp.Dialer{Timeout: tt.timeout, DialContext: b.net.DialContext, TLS: &tls.Config{ServerName: "x"}}
			addr := b.start(s)
			start := time.Now()
			_, err := d.Dial(b.ctx, addr).Await(b.ctx)
			if !errors.Is(err, aio.ErrTimeout) {
				b.Errorf("got %v", err)
			}
			if d := time.Since(start); d != tt.want {
				b.Errorf("timed out after %v, want %v", d, tt.want)
			}
			b.loop.Exit(nil)
		})
	}
}

// A dial that is cancelled fails with the cause, and leaves nothing, at
// whatever stage.
func TestDialCancelled(t *testing.T) {
	cause := errors.New("changed my mind")
	hang := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, d := range map[string]*tcp.Dialer{
		"connecting": {DialContext: hang},
		"looking up": {Resolver: &resolver{delay: map[string]time.Duration{"ip4": time.Hour, "ip6": time.Hour}}},
		"port":       {Resolver: &resolver{portDelay: time.Hour}},
		"attempting": {Resolver: &resolver{addrs: addrs("192.0.2.1")}, Control: func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
			<-ctx.Done()
			return ctx.Err()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, new(aio.Loop), func(b *bubble) {
				addr := "name.test:80"
				if name == "port" {
					addr = "name.test:service"
				}
				f := d.Dial(b.ctx, addr)
				synctest.Wait()
				if n := ops(b.loop, "tcp.dial"); n != 1 {
					b.Errorf("%d dials", n)
				}
				f.Cancel(cause)
				_, err := f.Await(b.ctx)
				var e *aio.ConnError
				if !errors.Is(err, cause) || !errors.As(err, &e) || e.Op != "dial" {
					b.Errorf("got %v", err)
				}
				synctest.Wait()
				if s := b.loop.Stats(); s.InFlight != 1 {
					b.Errorf("left: %v", s.Kinds)
				}
				ctx, cancel := context.WithCancelCause(b.ctx)
				f = d.Dial(ctx, addr)
				synctest.Wait()
				cancel(cause)
				if _, err := f.Await(b.ctx); !errors.Is(err, cause) {
					b.Errorf("got %v", err)
				}
				if _, err := d.Dial(ctx, addr).Await(b.ctx); !errors.Is(err, cause) {
					b.Errorf("with a dead ctx: %v", err)
				}
			})
		})
	}
}

// TestDialDeadline holds that a dial fails with the error of a ctx whose
// deadline has passed, also if the network reports the deadline before ctx does.
func TestDialDeadline(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		const after = time.Second
		inner, cancel := context.WithTimeout(b.ctx, after+time.Millisecond)
		defer cancel()
		ctx := &earlyCtx{inner, time.Now().Add(after)}
		d := &tcp.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(after)
			return nil, os.ErrDeadlineExceeded
		}}
		if _, err := d.Dial(ctx, "far:1").Await(b.ctx); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("dial whose ctx ended: %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// earlyCtx is a ctx that ends later than its Deadline says.
type earlyCtx struct {
	context.Context
	at time.Time
}

func (c *earlyCtx) Deadline() (time.Time, bool) { return c.at, true }

// A connection that comes although the dial was cancelled is closed.
func TestDialLateSuccess(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		s := &tcp.Server{Handler: echo}
		addr := b.start(s)
		cause := errors.New("too late")
		d := &tcp.Dialer{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			<-ctx.Done()
			return b.net.Dial(network, addr)
		}}
		f := d.Dial(b.ctx, addr)
		synctest.Wait()
		f.Cancel(cause)
		if c, err := f.Await(b.ctx); !errors.Is(err, cause) {
			b.Errorf("got %v, %v", c, err)
		}
		synctest.Wait()
		if st := b.loop.Stats(); st.OutgoingConns+st.IncomingConns != 0 {
			b.Errorf("left: %v", st.Kinds)
		}
		s.Close()
	})
}

// A race between success and cancellation leaves no connection behind for a
// cancelled future.
func TestDialCancelRace(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{Data: echo.Data, Event: func(*tcp.Conn, error) {}})
		if err != nil {
			return err
		}
		for range 300 {
			f := tcp.Dial(ctx, s.Addr().String())
			go f.Cancel(errors.New("race"))
			if c, err := f.Await(ctx); err == nil {
				c.Close()
			}
		}
		aiotest.Eventually(t, func() bool { return aio.LoopOf(ctx).Stats().OutgoingConns == 0 })
		s.Close()
		return nil
	})
}

// The end of the ctx after success does not touch the connection, which belongs
// to the operation that dialed.
func TestDialCtxEndsAfterSuccess(t *testing.T) {
	inBubble(t, new(aio.Loop), func(b *bubble) {
		// it sees a reset
		s := &tcp.Server{Handler: tcp.Handler{Data: echo.Data, Event: func(*tcp.Conn, error) {}}}
		addr := b.start(s)
		d := &tcp.Dialer{DialContext: b.net.DialContext}
		ctx, cancel := context.WithTimeout(b.ctx, time.Second)
		c, err := d.Dial(ctx, addr).Await(b.ctx)
		if err != nil {
			b.Fatalf("d.Dial: %v", err)
		}
		cancel()
		time.Sleep(time.Minute)
		ask(b, c, "hello")
		if err := c.Context().Err(); err != nil {
			b.Errorf("the connection's ctx: %v", err)
		}
		c.Close()

		oops := errors.New("oops")
		var in *tcp.Conn
		f := aio.Go(b.ctx, "owner", func(ctx context.Context) (struct{}, error) {
			in, err = d.Dial(ctx, addr).Await(ctx)
			if err == nil {
				ask(b, in, "hello")
			}
			return struct{}{}, oops
		})
		f.Await(b.ctx)
		<-in.Done()
		if err := in.Err(); !errors.Is(err, oops) {
			b.Errorf("the connection of an operation that failed: %v", err)
		}
		s.Close()
	})
}

func TestDialUnixMissing(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		_, err := tcp.Dial(ctx, "unix:"+filepath.Join(t.TempDir(), "none")).Await(ctx)
		var e *aio.ConnError
		if !errors.As(err, &e) || !errors.Is(err, syscall.ENOENT) || e.Net != "unix" || e.Code != int(syscall.ENOENT) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}

func TestDialBadAddress(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		for _, addr := range []string{"", "nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:no such service", "tcp4:[::1]:80", "tcp6:127.0.0.1:80", "udp:127.0.0.1:80"} {
			_, err := tcp.Dial(ctx, addr).Await(ctx)
			var e *aio.ConnError
			if !errors.As(err, &e) || e.Op != "dial" || e.Code != -1 || e.Msg == "" {
				t.Errorf("%q: %v", addr, err)
			}
		}
		return nil
	})
}

// A connection to oneself, and one from a chosen address.
func TestDialLocalAddr(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		s, err := tcp.Serve(ctx, "127.0.0.1:0", echo)
		if err != nil {
			return err
		}
		var controlled string
		d := &tcp.Dialer{
			LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)},
			Control: func(_ context.Context, network, address string, c syscall.RawConn) error {
				controlled = network + " " + address
				return nil
			},
		}
		c, err := d.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		if a := c.LocalAddr().(*net.TCPAddr); !a.IP.Equal(net.IPv4(127, 0, 0, 1)) || controlled != "tcp4 "+s.Addr().String() || c.FD() < 0 {
			t.Errorf("from %v, control was called with %q, fd %d", a, controlled, c.FD())
		}
		c.Close()
		refused := errors.New("not this one")
		d.Control = func(context.Context, string, string, syscall.RawConn) error { return refused }
		if _, err := d.Dial(ctx, s.Addr().String()).Await(ctx); !errors.Is(err, refused) {
			t.Errorf("Control's error: %v", err)
		}
		s.Close()
		return nil
	})
}

// A name that cannot be looked up.
func TestDialDNS(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		notFound := &net.DNSError{Err: "no such host", Name: "no.test", IsNotFound: true}
		for name, r := range map[string]*resolver{
			"errors": {errs: map[string]error{"ip4": notFound, "ip6": notFound}},
			"empty":  {},
			"mixed":  {errs: map[string]error{"ip4": notFound}},
		} {
			d := &tcp.Dialer{Resolver: r}
			_, err := d.Dial(ctx, "no.test:80").Await(ctx)
			var dns *net.DNSError
			if !errors.Is(err, aio.ErrDNS) || !errors.Is(err, aio.ErrConn) || !errors.As(err, &dns) || dns.Name != "no.test" || !dns.IsNotFound {
				t.Errorf("%s: %v", name, err)
			}
			if strings.Count(err.Error(), "no such host") > 1 {
				t.Errorf("%s: told twice: %v", name, err)
			}
		}
		return nil
	})
}

// The server's name is taken from the address.
func TestDialTLS(t *testing.T) {
	cert := selfSigned(t)
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatalf("x509.ParseCertificate: %v", err)
	}
	roots.AddCert(leaf)
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		var rec aiotest.Recorder
		aiotest.RunLoop(t, &aio.Loop{OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			s := server()
			names := make(chan string, 9)
			s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
				names <- h.ServerName
				return nil, nil
			}}
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			_, port, _ := net.SplitHostPort(s.Addr().String())
			cfg := &tls.Config{RootCAs: roots}
			d := &tcp.Dialer{TLS: cfg, Resolver: &resolver{addrs: addrs("127.0.0.1")}}
			c, err := d.Dial(ctx, "localhost:"+port).Await(ctx)
			if err != nil {
				return err
			}
			ask(t, c, "hello")
			if st, ok := c.TLS(); !ok || st.ServerName != "localhost" || <-names != "localhost" || cfg.ServerName != "" {
				t.Errorf("TLS: %v, server name %q", ok, st.ServerName)
			}
			c.Close()

			_, err = d.Dial(ctx, "other.test:"+port).Await(ctx)
			var bad *tls.CertificateVerificationError
			if !errors.As(err, &bad) || !errors.Is(err, aio.ErrConn) {
				t.Errorf("a wrong name: %v", err)
			}
			s.Close()
			return nil
		})
	})
}

// A DialContext that breaks its promises is contained.
func TestDialContextMisbehaves(t *testing.T) {
	var rec aiotest.Recorder
	inBubble(t, &aio.Loop{CatchPanics: true, OnEvent: rec.OnEvent}, func(b *bubble) {
		d := &tcp.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) { panic("oops") }}
		var p *aio.PanicError
		if _, err := d.Dial(b.ctx, "x:1").Await(b.ctx); !errors.As(err, &p) {
			b.Errorf("panic: %v", err)
		}
		d.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, nil }
		if c, err := d.Dial(b.ctx, "x:1").Await(b.ctx); err == nil {
			b.Errorf("neither connection nor error: %v", c)
		}
	})
}

func TestDialNoLoop(t *testing.T) {
	ctx := context.Background()
	for name, f := range map[string]*aio.Future[*tcp.Conn]{
		"Dial":        tcp.Dial(ctx, "127.0.0.1:1"),
		"Dialer.Dial": new(tcp.Dialer).Dial(ctx, "127.0.0.1:1"),
		"Send":        tcp.Send(ctx, "127.0.0.1:1", nil, echo),
		"Dialer.Send": new(tcp.Dialer).Send(ctx, "127.0.0.1:1", nil, echo),
	} {
		if _, err := f.Result(); !errors.Is(err, aio.ErrNoLoop) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Wherever a dial is cancelled, it ends with a connection or the cause, and
// nothing is left.
func TestDialEachCancel(t *testing.T) {
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			s := &tcp.Server{Handler: tcp.Handler{Data: echo.Data, Event: func(*tcp.Conn, error) {}}}
			addr := b.start(s)
			d := &tcp.Dialer{DialContext: b.net.DialContext}
			c, err := d.Dial(looks.Context(b.ctx), addr).Await(b.ctx)
			switch {
			case err == nil:
				ask(b, c, "hello") // which is not touched any more
				c.Close()
			case !looks.Reached() || !errors.Is(err, looks.Cause()):
				b.Errorf("%v at %v", err, looks)
			}
			b.loop.Exit(nil)
		})
	})
}

func TestListenEachCancel(t *testing.T) {
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			l, err := tcp.NewListener(looks.Context(b.ctx), b.listen())
			if err != nil {
				b.Fatalf("%v at %v", err, looks) // a dead ctx closes it
			}
			defer l.Close()
			c, err := b.net.Dial("tcp", l.Addr().String())
			if err != nil && !looks.Reached() {
				b.Errorf("%v at %v", err, looks)
			}
			if err == nil {
				defer c.Close()
			}
			in, err := l.AcceptConn()
			switch {
			case err == nil:
				in.Close()
			case !looks.Reached() || !errors.Is(err, aio.ErrClosed) && !errors.Is(err, looks.Cause()):
				b.Errorf("%v at %v", err, looks)
			}
		})
	})
}

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// resolver is a Resolver with fixed answers.
type resolver struct {
	addrs []netip.Addr // of both families
	errs  map[string]error
	// by network; longer than a day: forever, whatever ctx says
	delay     map[string]time.Duration
	portDelay time.Duration
	forever   chan struct{}
}

func (r *resolver) LookupNetIP(ctx context.Context, network, _ string) ([]netip.Addr, error) {
	if d := r.delay[network]; d > 24*time.Hour {
		<-r.forever
	} else if err := pause(ctx, d); err != nil {
		return nil, err
	}
	var out []netip.Addr
	for _, a := range r.addrs {
		if a.Is4() == (network == "ip4") {
			out = append(out, a)
		}
	}
	return out, r.errs[network]
}

func (r *resolver) LookupPort(ctx context.Context, _, service string) (int, error) {
	if err := pause(ctx, r.portDelay); err != nil {
		return 0, err
	}
	return 80, nil
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
