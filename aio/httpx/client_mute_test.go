package httpx_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// muteAt is the point from which a peer is mute: it sends nothing more, or
// reads nothing more.
type muteAt string

const (
	muteDial   muteAt = "connecting"
	muteProxy  muteAt = "the proxy"
	muteSOCKS  muteAt = "the SOCKS5 proxy's connecting"
	muteTLS    muteAt = "the TLS handshake"
	muteSend   muteAt = "the upload"
	muteReader muteAt = "the reader of the upload" // which is the user's
	muteEnd    muteAt = "the reader of the upload, behind its last byte"
	muteEmpty  muteAt = "the reader of the upload, which reads nothing again and again"
	muteEarly  muteAt = "the upload, behind the header"
	muteHeader muteAt = "the header"
	muteWithin muteAt = "within the header"
	muteBody   muteAt = "the body"
	muteChunk  muteAt = "within the body"
)

// muteKind is a kind of connection.
type muteKind struct {
	name  string
	url   string
	proxy string
	h2    bool // spoken by the origin
	h2c   bool
	at    []muteAt
}

var muteKinds = []muteKind{
	{name: "plain", url: "http://origin", at: []muteAt{muteDial, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteWithin, muteBody, muteChunk}},
	{name: "TLS", url: "https://origin", at: []muteAt{muteDial, muteTLS, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteWithin, muteBody, muteChunk}},
	{name: "HTTP/2", url: "https://origin", h2: true, at: []muteAt{muteDial, muteTLS, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteBody, muteChunk}},
	{name: "HTTP/2 without TLS", url: "http://origin", h2: true, h2c: true, at: []muteAt{muteDial, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteBody, muteChunk}},
	{name: "HTTP proxy", url: "http://origin", proxy: "http://proxy", at: []muteAt{muteDial, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteWithin, muteBody, muteChunk}},
	{name: "CONNECT", url: "https://origin", proxy: "http://proxy", at: []muteAt{muteDial, muteProxy, muteTLS, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteBody, muteChunk}},
	{name: "CONNECT, HTTP/2", url: "https://origin", proxy: "http://proxy", h2: true, at: []muteAt{muteProxy, muteTLS, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteBody}},
	{name: "CONNECT within TLS", url: "https://origin", proxy: "https://proxy", at: []muteAt{muteDial, muteProxy, muteTLS, muteSend, muteHeader, muteBody}},
	{name: "SOCKS5", url: "http://origin", proxy: "socks5://proxy", at: []muteAt{muteDial, muteProxy, muteSOCKS, muteSend, muteReader, muteEnd, muteEmpty, muteEarly, muteHeader, muteBody}},
	{name: "SOCKS5, TLS", url: "https://origin", proxy: "socks5://user:password@proxy", at: []muteAt{muteProxy, muteSOCKS, muteTLS, muteSend, muteHeader, muteBody}},
}

// muteLimit is the phase that a peer's muteness ends in, when by default, and
// the Timeouts that make it a second.
func muteLimit(at muteAt) (httpx.Phase, time.Duration, httpx.Timeouts) {
	const s = time.Second
	switch at {
	case muteDial, muteProxy, muteSOCKS:
		return httpx.PhaseDial, 30 * s, httpx.Timeouts{Dial: s}
	case muteTLS:
		return httpx.PhaseTLS, 10 * s, httpx.Timeouts{TLS: s}
	case muteSend, muteReader, muteEnd, muteEmpty:
		return httpx.PhaseSend, 30 * s, httpx.Timeouts{Send: s}
	case muteEarly:
		return httpx.PhaseBody, 30 * s, httpx.Timeouts{Send: s}
	case muteHeader, muteWithin:
		return httpx.PhaseHeader, 30 * s, httpx.Timeouts{Header: s}
	}
	return httpx.PhaseBody, 30 * s, httpx.Timeouts{Body: s}
}

// TestMutePeers checks that every wait has an end: a peer that goes mute at any
// moment, on any kind of connection, ends the request in that phase, by
// default, with that phase's Timeout set, and with Timeouts.Total.
func TestMutePeers(t *testing.T) {
	cert, err := tls.X509KeyPair(certificate(t, "origin"))
	if err != nil {
		t.Fatalf("tls.X509KeyPair: %v", err)
	}
	for _, kind := range muteKinds {
		for _, at := range kind.at {
			phase, after, set := muteLimit(at)
			for name, x := range map[string]struct {
				timeouts httpx.Timeouts
				after    time.Duration
			}{
				"by default": {after: after},
				"set":        {set, time.Second},
				"Total":      {httpx.Timeouts{Total: 7 * time.Second}, 7 * time.Second},
			} {
				t.Run(kind.name+"/"+string(at)+"/"+name, func(t *testing.T) {
					aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
						m := &mutePeer{t: t, kind: kind, at: at, cert: cert}
						defer m.serve()()
						begin := time.Now()
						_, err := m.client(x.timeouts).Do(ctx, m.request(t)).Await(ctx)
						failsWith(t, err, phase, aio.ErrTimeout)
						if d := time.Since(begin).Truncate(muteEvery); d != x.after {
							t.Errorf("it took %v, not %v: %v", d, x.after, err)
						}
						if synctest.Wait(); m.body != nil && !m.body.isClosed() {
							t.Error("the body was not closed")
						}
						return nil
					})
				})
			}
		}
	}
}

// mutePeer is the origin, and its proxy.
type mutePeer struct {
	t    *testing.T
	kind muteKind
	at   muteAt
	cert tls.Certificate
	net  aiotest.Network
	body *mutedBody

	mu    sync.Mutex
	conns []net.Conn
	over  chan struct{}
	all   sync.WaitGroup
}

// client returns a client of the peer.
func (m *mutePeer) client(timeouts httpx.Timeouts) *httpx.Client {
	c := inMemory(&httpx.Client{Timeouts: timeouts, H2C: m.kind.h2c}, &m.net)
	c.Dialer.TLS = &tls.Config{InsecureSkipVerify: true}
	if m.kind.proxy != "" {
		u, err := url.Parse(m.kind.proxy)
		if err != nil {
			m.t.Fatalf("url.Parse: %v", err)
		}
		c.Proxy = http.ProxyURL(u)
	}
	return c
}

// request returns a request that comes to where the peer is mute.
func (m *mutePeer) request(t *testing.T) *http.Request {
	switch m.at {
	case muteSend, muteEarly:
		return request(t, "POST", m.kind.url, io.LimitReader(endlessly{}, 8<<20))
	case muteReader, muteEnd, muteEmpty:
		m.body = &mutedBody{text: "and then nothing", empty: m.at == muteEmpty, closed: make(chan struct{})}
		req := request(t, "POST", m.kind.url, m.body)
		if m.at == muteEnd {
			req.ContentLength = int64(len(m.body.text))
		}
		return req
	}
	return request(t, "GET", m.kind.url, nil)
}

// mutedBody is a request's body that is text and then has nothing, nor an end,
// until it is closed: its Read waits, or, if empty, reads nothing every
// muteEvery.
type mutedBody struct {
	text   string
	empty  bool
	closed chan struct{}
	once   sync.Once
}

const muteEvery = 10 * time.Millisecond

func (b *mutedBody) Read(p []byte) (int, error) {
	if b.text != "" {
		n := copy(p, b.text)
		b.text = b.text[n:]
		return n, nil
	}
	var again <-chan time.Time
	if b.empty {
		again = time.After(muteEvery)
	}
	select {
	case <-again:
		return 0, nil
	case <-b.closed:
	}
	return 0, io.ErrClosedPipe
}

func (b *mutedBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

func (b *mutedBody) isClosed() bool {
	select {
	case <-b.closed:
		return true
	default:
		return false
	}
}

// endlessly is a Reader without an end.
type endlessly struct{}

func (endlessly) Read(p []byte) (int, error) { return len(p), nil }

// serve starts the peer. stop ends it.
func (m *mutePeer) serve() (stop func()) {
	host, port := "origin", "80"
	u, _ := url.Parse(m.kind.url)
	if u.Scheme == "https" {
		port = "443"
	}
	if m.kind.proxy != "" {
		host = "proxy"
		u, _ = url.Parse(m.kind.proxy)
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080"}[u.Scheme]
	}
	m.over = make(chan struct{})
	if m.at == muteDial {
		m.net.BlackHole(host + ":" + port)
		return func() { close(m.over); m.all.Wait() }
	}
	ln, err := m.net.Listen(host + ":" + port)
	if err != nil {
		m.t.Fatalf("m.net.Listen: %v", err)
	}
	m.all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			m.mu.Lock()
			m.conns = append(m.conns, c)
			m.mu.Unlock()
			m.all.Go(func() { m.speak(c) })
		}
	})
	return func() {
		ln.Close()
		close(m.over)
		m.mu.Lock()
		for _, c := range m.conns {
			c.Close()
		}
		m.mu.Unlock()
		m.all.Wait()
	}
}

// speak serves a connection until it is to be mute.
func (m *mutePeer) speak(c net.Conn) {
	if strings.HasPrefix(m.kind.proxy, "https") {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{m.cert}})
		if s.Handshake() != nil {
			return
		}
		c = s
	}
	if !m.proxy(c) {
		<-m.over
		return
	}
	if strings.HasPrefix(m.kind.url, "https") {
		if m.at == muteTLS {
			<-m.over
			return
		}
		cfg := &tls.Config{Certificates: []tls.Certificate{m.cert}, NextProtos: []string{"http/1.1"}}
		if m.kind.h2 {
			cfg.NextProtos = []string{"h2"}
		}
		s := tls.Server(c, cfg)
		if s.Handshake() != nil {
			return
		}
		c = s
	}
	if m.kind.h2 {
		m.frames(c)
		return
	}
	m.origin(c)
}

// proxy has the connection lead to the origin, which is the proxy itself. It
// reports false if it is mute.
func (m *mutePeer) proxy(c net.Conn) bool {
	switch {
	case m.kind.proxy == "":
		return true
	case m.at == muteProxy:
		return false
	case strings.HasPrefix(m.kind.proxy, "socks5"):
		return m.socks(c)
	case strings.HasPrefix(m.kind.url, "https"):
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return false
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	}
	return true
}

// socks is a SOCKS5 proxy (RFC 1928) with any user and password (RFC 1929).
func (m *mutePeer) socks(c net.Conn) bool {
	b := make([]byte, 512)
	if n, err := c.Read(b); err != nil || n < 3 {
		return false
	}
	method := b[2+int(b[1])-1] // the last one offered
	c.Write([]byte{5, method})
	if method == 2 {
		if _, err := c.Read(b); err != nil {
			return false
		}
		c.Write([]byte{1, 0})
	}
	if _, err := c.Read(b); err != nil || m.at == muteSOCKS {
		return false
	}
	c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	return true
}

// origin serves HTTP/1.1.
func (m *mutePeer) origin(c net.Conn) {
	if m.at == muteSend {
		<-m.over
		return
	}
	r := bufio.NewReader(c)
	if _, err := http.ReadRequest(r); err != nil {
		return
	}
	if m.at == muteEarly {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
		<-m.over
		return
	}
	switch m.at {
	case muteWithin:
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
	case muteBody:
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
	case muteChunk:
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
	}
	io.Copy(io.Discard, r)
}

// frames speaks HTTP/2, and never makes a window wider.
func (m *mutePeer) frames(c net.Conn) {
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	f := http2.NewFramer(c, c)
	f.WriteSettings()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		h, ok := frame.(*http2.HeadersFrame)
		if !ok || m.at != muteBody && m.at != muteChunk && m.at != muteEarly {
			continue
		}
		// :status 200
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: h.StreamID, BlockFragment: []byte{0x88}, EndHeaders: true})
		if m.at == muteChunk {
			f.WriteData(h.StreamID, false, []byte("hel"))
		}
	}
}

// TestNoTimeouts checks that negative Timeouts mean no bound.
func TestNoTimeouts(t *testing.T) {
	const text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	for name, at := range map[string]int{"header": 0, "within the header": 20, "body": len(text) - 2, "within the body": len(text) - 1} {
		t.Run(name, func(t *testing.T) {
			bubbleScript(t, func(_ int, c net.Conn, _ *bufio.Reader) {
				io.WriteString(c, text[:at])
				time.Sleep(24 * time.Hour)
				io.WriteString(c, text[at:])
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(&httpx.Client{Timeouts: httpx.Timeouts{Header: -1, Body: -1}}, n)
				r, err := c.Get(ctx, "http://origin").Await(ctx)
				wantBody(t, r, err, 200, "hi")
				return nil
			})
		})
	}
}
