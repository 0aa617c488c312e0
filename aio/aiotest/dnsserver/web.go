package dnsserver

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dohPath is the path for DNS over HTTPS.
const dohPath = "/dns-query"

const dohType = "application/dns-message"

// serveWeb serves DNS over HTTPS, HTTP/1.1 and HTTP/2, until the listener is
// closed.
func (s *Server) serveWeb(l net.Listener) {
	// it returns an error when the server is closed
	_ = s.web.Serve(newTLSListener(l, s.serverTLS()))
}

// serveHTTP answers a query by GET or POST (RFC 8484).
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	// Handlers run in goroutines of net/http, which does not wait for them.
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()

	msg, status := dohQuery(w, r)
	if status != http.StatusOK {
		http.Error(w, http.StatusText(status), status)
		return
	}
	server, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	client, _ := netip.ParseAddrPort(r.RemoteAddr)
	p := s.plan(msg, origin{HTTPS, fmt.Sprint(server), client})
	if p == nil {
		http.Error(w, "not a query", http.StatusBadRequest)
		return
	}
	if p.delay > 0 {
		t := time.NewTimer(p.delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		}
	}
	p.respond(w, r)
}

// dohQuery returns the message in a request, or an error status.
func dohQuery(w http.ResponseWriter, r *http.Request) ([]byte, int) {
	if r.URL.Path != dohPath {
		return nil, http.StatusNotFound
	}
	switch r.Method {
	case http.MethodGet:
		msg, err := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
		if err != nil || len(msg) == 0 {
			return nil, http.StatusBadRequest
		}
		return msg, http.StatusOK
	case http.MethodPost:
		if r.Header.Get("Content-Type") != dohType {
			return nil, http.StatusUnsupportedMediaType
		}
		msg, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
		if err != nil {
			return nil, http.StatusRequestEntityTooLarge
		}
		return msg, http.StatusOK
	}
	return nil, http.StatusMethodNotAllowed
}

// respond sends the last of a plan's messages as the response.
func (p *plan) respond(w http.ResponseWriter, r *http.Request) {
	msg := p.right
	if msg == nil && len(p.messages) > 0 {
		msg = p.messages[len(p.messages)-1]
	}
	if msg == nil && p.status == 0 && !p.hangup && !p.reset {
		<-r.Context().Done() // dropped
	}
	if p.reset || p.hangup || r.Context().Err() != nil {
		// closes the connection, or the stream of HTTP/2
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", dohType)
	w.Header().Set("Content-Length", strconv.Itoa(len(msg)))
	if age, ok := maxAge(msg); ok {
		w.Header().Set("Cache-Control", "max-age="+strconv.FormatUint(uint64(age), 10))
	}
	if p.status != 0 {
		w.WriteHeader(p.status)
	}
	if p.half {
		_, _ = w.Write(msg[:len(msg)/2]) // the client may have disconnected
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(msg)
}

// maxAge returns the smallest TTL of an answer's records, in seconds (RFC 8484,
// section 5.1). It reports false if there are no records.
func maxAge(msg []byte) (uint32, bool) {
	var m dnsmessage.Message
	if m.Unpack(msg) != nil || len(m.Answers) == 0 {
		return 0, false
	}
	age := m.Answers[0].Header.TTL
	for _, r := range m.Answers {
		age = min(age, r.Header.TTL)
	}
	return age, true
}
