package httpx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// clientContract is a case of the suite that compares what a program sees of
// Client, over each of its engines, with what it sees of net/http's Transport:
// the same program and the same handler run over HTTP/1.1 without and with TLS
// and over HTTP/2, with both of them. What they noted must be the same, or a
// difference that is known.
type clientContract struct {
	name string
	// serve is the handler. It notes what it sees with s.served.
	serve func(s *clientSide, w http.ResponseWriter, r *http.Request)
	// visit is the program. It notes what it sees with s.saw.
	visit func(s *clientSide)
}

// clientContracts is all cases, by what they are about.
var clientContracts = []struct {
	about string
	cases []clientContract
}{
	{"request", clientRequestContracts},
	{"refused", clientRefusedContracts},
	{"response", clientResponseContracts},
	{"body", clientBodyContracts},
	{"gzip", clientGzipContracts},
	{"upload", clientUploadContracts},
	{"interim", clientInterimContracts},
	{"end", clientEndContracts},
	{"connection", clientConnContracts},
	{"redirect", clientRedirectContracts},
	{"do", clientDoContracts},
}

// clientSide is a case as it runs with one client over one kind of connection.
type clientSide struct {
	*testing.T
	ctx   context.Context
	rt    http.RoundTripper
	ours  *httpx.Client // nil with net/http's
	jar   http.CookieJar
	kind  clientKind
	url   string // of the server, without a path
	net   aiotest.Network
	conns atomic.Int32 // that the server got
	event sync.Map     // of names to channels
	serve func(s *clientSide, w http.ResponseWriter, r *http.Request)

	mu      sync.Mutex
	handler []string // what the handler noted
	client  []string // what the program noted
}

// clientKind is a kind of connection.
type clientKind struct {
	name    string
	tls, h2 bool
}

var clientKinds = []clientKind{{"plain", false, false}, {"TLS", true, false}, {"HTTP/2", true, true}}

// clientDifference is what is known to differ.
type clientDifference struct {
	why string
	// plain, tls and h2 are the differences between Client and net/http over
	// each kind of connection: lines that begin with "-" are net/http's, those
	// with "+" ours. an empty tls means the same as plain; none means no
	// difference.
	plain, tls, h2 string
	// engines is what Client does otherwise over HTTP/2 ("+") than over
	// HTTP/1.1 without TLS ("-").
	engines string
	// varies says that net/http does not always do the same, so that lines of
	// the difference from it may be missing.
	varies bool
}

// holds reports whether a difference from net/http is the known one.
func (d clientDifference) holds(got string, kind clientKind) bool {
	return difference{diff: d.over(kind), varies: d.varies}.holds(got, false)
}

// over returns the difference over a kind of connection.
func (d clientDifference) over(kind clientKind) string {
	text := d.plain
	switch {
	case kind.h2:
		text = d.h2
	case kind.tls && d.tls == none:
		text = ""
	case kind.tls && d.tls != "":
		text = d.tls
	}
	return strings.TrimSpace(text)
}

var clientTranscripts = flag.Bool("contract.client", false, "show the transcripts of TestClientContract")

// TestClientContract runs all cases. It fails for a difference that is not in
// the table clientDifferences, for one that deviates from the table, and for
// one that no longer exists.
func TestClientContract(t *testing.T) {
	cert, err := tls.X509KeyPair(certificate(t, "origin"))
	if err != nil {
		t.Fatalf("tls.X509KeyPair: %v", err)
	}
	known := map[string]bool{}
	for _, group := range clientContracts {
		for _, c := range group.cases {
			name := group.about + "/" + c.name
			known[name] = true
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { c.check(t, cert, clientDifferences[name]) })
		}
	}
	for name, d := range clientDifferences {
		if !known[name] || d.why == "" || d.plain+d.tls+d.h2+d.engines == "" {
			t.Errorf("clientDifferences has %q, which is no case, or no difference, or has no reason", name)
		}
	}
}

// check runs the case with each client over each kind of connection.
func (c *clientContract) check(t *testing.T, cert tls.Certificate, want clientDifference) {
	var plain []string
	for _, kind := range clientKinds {
		theirs := c.run(t, kind, cert, false)
		ours := c.run(t, kind, cert, true)
		if *clientTranscripts {
			t.Logf("%s, net/http over %s:\n%s", c.name, kind.name, indent(theirs))
		}
		if got := diff(theirs, ours); !want.holds(got, kind) {
			t.Errorf("over %s\ndifferences of net/http (-) and httpx (+):\n%s\nknown are:\n%s\nall of net/http:\n%s\nall of httpx:\n%s",
				kind.name, got, want.over(kind), indent(theirs), indent(ours))
		}
		known := ""
		switch {
		case plain == nil:
			plain = ours
		case kind.h2:
			known = strings.TrimSpace(want.engines)
		}
		if got := diff(unwired(plain), unwired(ours)); got != known {
			t.Errorf("differences of httpx over HTTP/1.1 (-) and over %s (+):\n%s\nknown are:\n%s\nall over HTTP/1.1:\n%s\nall over %s:\n%s",
				kind.name, got, known, indent(plain), kind.name, indent(ours))
		}
	}
}

// unwired returns what was noted that is not about HTTP/1.1 only.
func unwired(notes []string) []string {
	return slices.DeleteFunc(slices.Clone(notes), func(n string) bool { return strings.HasPrefix(n, wire) })
}

// run runs the case in a bubble, and returns what was noted.
func (c *clientContract) run(t *testing.T, kind clientKind, cert tls.Certificate, ours bool) (notes []string) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		s := &clientSide{T: t, ctx: ctx, kind: kind, serve: c.serve}
		defer s.start(cert)()
		defer s.connect(ours)()
		c.visit(s)
		synctest.Wait()
		notes = s.notes()
		return nil
	})
	return notes
}

// start starts the server. stop ends it.
func (s *clientSide) start(cert tls.Certificate) (stop func()) {
	addr := "origin:80"
	if s.url = "http://origin"; s.kind.tls {
		addr, s.url = "origin:443", "https://origin"
	}
	ln, err := s.net.Listen(addr)
	if err != nil {
		s.Fatalf("s.net.Listen: %v", err)
	}
	hs := &http.Server{Handler: s, ErrorLog: quiet, Protocols: new(http.Protocols)}
	hs.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			s.conns.Add(1)
		}
	}
	hs.Protocols.SetHTTP1(!s.kind.h2)
	hs.Protocols.SetHTTP2(s.kind.h2)
	var over sync.WaitGroup
	over.Go(func() {
		if s.kind.tls {
			hs.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
			hs.ServeTLS(ln, "", "")
		} else {
			hs.Serve(ln) // until it is closed, with an error that says so
		}
	})
	return func() {
		hs.Close()
		over.Wait()
	}
}

// connect makes the client. stop closes its connections.
func (s *clientSide) connect(ours bool) (stop func()) {
	anyone := &tls.Config{InsecureSkipVerify: true}
	if ours {
		s.ours = inMemory(&httpx.Client{Timeouts: httpx.Timeouts{Idle: 90 * time.Second}}, &s.net)
		s.ours.Dialer.TLS = anyone
		s.rt = s.ours
		return s.ours.CloseIdleConnections
	}
	std := &http.Transport{
		DialContext: s.net.DialContext, TLSClientConfig: anyone, ForceAttemptHTTP2: s.kind.h2,
		ExpectContinueTimeout: time.Second, IdleConnTimeout: 90 * time.Second, MaxIdleConnsPerHost: 8,
	}
	s.rt = std
	return func() {
		std.CloseIdleConnections()
		time.Sleep(time.Minute) // for what is left behind
	}
}

// ServeHTTP calls the case's handler.
func (s *clientSide) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.serve(s, w, r) }

// wire begins what is noted about HTTP/1.1 only.
const wire = "on the wire: "

// saw notes what the program sees.
func (s *clientSide) saw(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = append(s.client, fmt.Sprintf(format, args...))
}

// served notes what the handler sees.
func (s *clientSide) served(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = append(s.handler, "server: "+fmt.Sprintf(format, args...))
}

// notes returns what was noted, the handler's first.
func (s *clientSide) notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(append([]string(nil), s.handler...), s.client...)
}

// when returns the channel of an event, which fire closes.
func (s *clientSide) when(name string) <-chan struct{} { return s.channel(name) }
func (s *clientSide) fire(name string)                 { close(s.channel(name)) }

func (s *clientSide) channel(name string) chan struct{} {
	ch, _ := s.event.LoadOrStore(name, make(chan struct{}))
	return ch.(chan struct{})
}

// request makes a request for a path.
func (s *clientSide) request(method, path string, body io.Reader) *http.Request {
	return request(s, method, s.url+path, body).WithContext(s.ctx)
}

// get makes a GET for a path and notes all of the response.
func (s *clientSide) get(path string) { s.do(s.request("GET", path, nil)) }

// do makes a request and notes all of the response.
func (s *clientSide) do(req *http.Request) {
	resp, err := s.rt.RoundTrip(req)
	if err != nil {
		s.saw("%s", failure(err))
		return
	}
	s.response(resp)
}

// response notes all of a response.
func (s *clientSide) response(resp *http.Response) {
	s.head(resp)
	s.body(resp)
	if len(resp.Trailer) > 0 {
		s.saw("trailer %s", fieldsOf(resp.Trailer))
	}
}

// head notes what a response is without its body.
func (s *clientSide) head(resp *http.Response) {
	resp.Header.Del("Date")
	resp.Header.Del("Connection") // see the case of it
	s.saw("%s of %d bytes, unpacked %v", resp.Status, resp.ContentLength, resp.Uncompressed)
	s.saw(wire+"%q, close %v", resp.TransferEncoding, resp.Close)
	s.saw("header %s", fieldsOf(resp.Header))
	if secure := resp.TLS != nil && resp.TLS.HandshakeComplete; secure != s.kind.tls || resp.ProtoAtLeast(2, 0) != s.kind.h2 {
		s.saw("by %s, with TLS: %v", resp.Proto, secure)
	}
}

// body notes a response's body, and closes it.
func (s *clientSide) body(resp *http.Response) {
	b, err := io.ReadAll(resp.Body)
	s.saw("body %s, %s", clipBody(b), failure(err))
	resp.Body.Close()
}

// fieldsOf returns a header as a text, by the names of the fields.
func fieldsOf(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s: ", name)
		for i, v := range h[name] {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(clipBody([]byte(v)))
		}
		b.WriteString("; ")
	}
	if b.Len() == 0 {
		return "is empty"
	}
	return strings.TrimSuffix(b.String(), " ")
}

// failure says what kind of error err is.
func failure(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return "no error"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "too late"
	}
	return "an error"
}
