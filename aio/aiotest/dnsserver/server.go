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

// Server is a DNS server that knows what it is told and nothing else: settings
// and handle in one, as http.Server is. Start makes it listen on loopback, Dial
// connects to it in memory; one server can do both. The fields must not change
// once it is in use; the methods may be called from any goroutine at any time.
type Server struct {
	// Zone is what the server knows, in the form that the package's
	// documentation describes. Empty, it says of every name that it does not
	// exist.
	Zone string

	// Host is the IP address that Start listens on; empty means 127.0.0.1.
	Host string

	// UDPSize is the largest answer sent by UDP, in bytes, to clients that take
	// such; a longer one is truncated. Zero or less means 1,232.
	UDPSize int

	// TLS and HTTPS make Start listen for DNS over TLS and DNS over HTTPS too,
	// each on a port of its own. Dial serves both in any case.
	TLS, HTTPS bool

	// Names are host names and IP addresses that the server's certificate is
	// for, besides localhost, dns.example, the loopback addresses and Host.
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
	addrs   [4]string // by port: plain, other, TLS and HTTPS
	udp     *net.UDPConn
	other   *net.UDPConn // the port that OtherPort answers from
	open    map[io.Closer]struct{}
	pending map[*time.Timer]struct{}
	running sync.WaitGroup // goroutines and pending
}

// DefaultUDPSize is the largest answer sent by UDP unless Server.UDPSize says
// otherwise, in bytes.
const DefaultUDPSize = 1232

func (s *Server) udpSize() int {
	if s.UDPSize <= 0 {
		return DefaultUDPSize
	}
	return min(s.UDPSize, maxMessage)
}

// init reads the zone and gets ready what Start and Dial both need.
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

// SetZone replaces what the server knows, in the form of the field Zone. Errors
// are a *ZoneError, and then nothing changes.
func (s *Server) SetZone(text string) error {
	z, err := parseZone(text)
	if err == nil {
		s.zone.Store(z)
	}
	return err
}

// Start listens on a free port of Host, UDP and TCP on the same, and serves
// until Close. Errors are a *ZoneError, those of listening, net.ErrClosed after
// Close, and one for a second call.
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

// Close ends the server: it stops listening, closes all connections and drops
// the answers that are delayed. When it returns, none of its goroutines is
// left, but for those of HTTP connections that are just about to end. In
// memory, datagrams are refused from now on. Calling it again does nothing. Its
// only errors are those of closing sockets.
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
	if e := s.web.Close(); !errors.Is(e, net.ErrClosed) { // its listeners may be closed already
		err = errors.Join(err, e)
	}
	s.running.Wait()
	return err
}

// closeOpen closes what is open. It wants the mutex held.
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

// track has c closed by Close. It reports false, and closes c, if that was
// before.
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

// keep is track with the mutex held, on a server that is not closed.
func (s *Server) keep(c io.Closer) {
	if s.open == nil {
		s.open = map[io.Closer]struct{}{}
	}
	s.open[c] = struct{}{}
}

// drop closes c, which Close need no longer do.
func (s *Server) drop(c io.Closer) {
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	c.Close()
}

// spawn runs fn in a goroutine that Close waits for, unless the server is
// closed.
func (s *Server) spawn(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.spawnLocked(fn)
	}
}

// spawnLocked is spawn with the mutex held, on a server that is not closed.
func (s *Server) spawnLocked(fn func()) { s.running.Go(fn) }

// after runs fn d later, at once if that is now, unless the server is closed by
// then.
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

// Addr returns the address that Start listens on for UDP and TCP, "IP:PORT"; ""
// before Start.
func (s *Server) Addr() string { return s.addr(portPlain) }

// TLSAddr returns the address for DNS over TLS, "IP:PORT"; "" without.
func (s *Server) TLSAddr() string { return s.addr(portTLS) }

// HTTPSAddr returns the address for DNS over HTTPS, "IP:PORT"; "" without.
func (s *Server) HTTPSAddr() string { return s.addr(portHTTPS) }

// URL returns the URL for DNS over HTTPS; "" without.
func (s *Server) URL() string {
	if a := s.HTTPSAddr(); a != "" {
		return "https://" + a + dohPath
	}
	return ""
}

// OtherAddr returns the address that the fault OtherPort answers from,
// "IP:PORT"; "" before Start.
func (s *Server) OtherAddr() string { return s.addr(portOther) }

func (s *Server) addr(i int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs[i]
}
