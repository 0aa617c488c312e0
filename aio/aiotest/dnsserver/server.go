package dnsserver

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio/internal/memnet"
)

// Server is a DNS server. Start makes it listen on loopback, and Dial connects
// to it in memory; one server can do both. The zero Server is ready to use, and
// has no names. The fields must not be changed after the first call of a
// method. The methods may be called from any goroutine.
type Server struct {
	// Zone holds the server's zones, in the form described in the package
	// documentation. If it is empty, no name exists.
	Zone string

	// Host is the IP address that Start listens on. "" means 127.0.0.1.
	Host string

	// UDPSize is the size of the largest answer sent by UDP, in bytes. A client
	// may announce a smaller one. If UDPSize is 0 or negative, it is
	// DefaultUDPSize.
	UDPSize int

	// TLS and HTTPS make Start also listen for DNS over TLS and DNS over HTTPS,
	// on separate ports. Dial always supports both.
	TLS, HTTPS bool

	// Names lists host names and IP addresses that the server's certificate is
	// valid for, besides localhost, dns.example, the loopback addresses and
	// Host.
	Names []string

	zone    atomic.Pointer[zone]
	journal journal
	faults  faults
	memory  memory
	web     http.Server

	setup    sync.Once
	setupErr error
	certOnce sync.Once
	cert     certificate

	mu      sync.Mutex
	started bool
	closed  bool
	addrs   [4]string // indexed by portPlain ...
	udp     *net.UDPConn
	other   *net.UDPConn // for the fault OtherPort
	open    map[io.Closer]struct{}
	pending map[*time.Timer]struct{}
	running sync.WaitGroup // goroutines and pending timers
}

// DefaultUDPSize is the default of Server.UDPSize, in bytes.
const DefaultUDPSize = 1232

func (s *Server) udpSize() int {
	if s.UDPSize <= 0 {
		return DefaultUDPSize
	}
	return min(s.UDPSize, maxMessage)
}

// init prepares the server for Start and Dial, once.
func (s *Server) init() error {
	s.setup.Do(func() {
		if s.zone.Load() == nil {
			s.setupErr = s.SetZone(s.Zone)
		}
		s.memory.net = new(memnet.Network)
		s.web.Handler = http.HandlerFunc(s.serveHTTP)
		s.web.ErrorLog = quiet
		s.web.ReadHeaderTimeout = 10 * time.Second
	})
	return s.setupErr
}

// SetZone replaces the zones. text has the form of Server.Zone. If there is an
// error, which is a *ZoneError, the zones do not change.
func (s *Server) SetZone(text string) error {
	z, err := parseZone(text)
	if err == nil {
		s.zone.Store(z)
	}
	return err
}

// Start listens on a free port of Host, the same for UDP and TCP, and serves
// until Close. It returns a *ZoneError for an invalid Zone, errors of
// listening, net.ErrClosed after Close, and an error for a second call.
func (s *Server) Start() error {
	if err := s.init(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("dnsserver: start: %w", net.ErrClosed)
	}
	if s.started {
		return errors.New("dnsserver: the server has been started already")
	}
	if err := s.listen(); err != nil {
		return errors.Join(err, s.closeOpen())
	}
	s.started = true
	return nil
}

// Close stops listening, closes all connections and drops delayed answers. When
// it returns, the server's goroutines have ended, except those of HTTP
// connections that are about to end. Datagrams in memory are refused from then
// on. Further calls do nothing. Close returns the errors of closing sockets.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for t := range s.pending {
		if t.Stop() {
			s.running.Done()
		}
	}
	s.pending = nil
	err := s.closeOpen()
	s.mu.Unlock()
	// its listeners may be closed already
	if e := s.web.Close(); !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	s.running.Wait()
	return err
}

// closeOpen closes listeners and connections. The caller holds the mutex.
func (s *Server) closeOpen() error {
	var errs []error
	for c := range s.open {
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	s.open = nil
	return errors.Join(errs...)
}

// track makes Close close c. If the server is closed already, track closes c
// and returns false.
func (s *Server) track(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close()
		return false
	}
	s.keep(c)
	return true
}

// keep is track for a server that is not closed. The caller holds the mutex.
func (s *Server) keep(c io.Closer) {
	if s.open == nil {
		s.open = map[io.Closer]struct{}{}
	}
	s.open[c] = struct{}{}
}

// drop closes c, and reverses track.
func (s *Server) drop(c io.Closer) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	c.Close()
}

// spawn runs fn in a goroutine that Close waits for. It does nothing if the
// server is closed.
func (s *Server) spawn(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.spawnLocked(fn)
	}
}

// spawnLocked is spawn for a server that is not closed. The caller holds the
// mutex.
func (s *Server) spawnLocked(fn func()) { s.running.Go(fn) }

// after runs fn after d, unless the server is closed by then. If d is not
// positive, it calls fn.
func (s *Server) after(d time.Duration, fn func()) {
	if d <= 0 {
		fn()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.pending == nil {
		s.pending = map[*time.Timer]struct{}{}
	}
	s.running.Add(1)
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		defer s.running.Done()
		s.mu.Lock()
		delete(s.pending, t)
		closed := s.closed
		s.mu.Unlock()
		if !closed {
			fn()
		}
	})
	s.pending[t] = struct{}{}
}

// Addr returns the address for UDP and TCP, "IP:PORT". It is "" before Start.
func (s *Server) Addr() string { return s.addr(portPlain) }

// TLSAddr returns the address for DNS over TLS, "IP:PORT". It is "" before
// Start, and without Server.TLS.
func (s *Server) TLSAddr() string { return s.addr(portTLS) }

// HTTPSAddr returns the address for DNS over HTTPS, "IP:PORT". It is "" before
// Start, and without Server.HTTPS.
func (s *Server) HTTPSAddr() string { return s.addr(portHTTPS) }

// URL returns the URL for DNS over HTTPS. It is "" before Start, and without
// Server.HTTPS.
func (s *Server) URL() string {
	if a := s.HTTPSAddr(); a != "" {
		return "https://" + a + dohPath
	}
	return ""
}

// OtherAddr returns the address from which answers with the fault OtherPort
// come, "IP:PORT". It is "" before Start.
func (s *Server) OtherAddr() string { return s.addr(portOther) }

func (s *Server) addr(i int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs[i]
}
