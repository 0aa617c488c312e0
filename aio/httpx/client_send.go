package httpx

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"goaio.example/aio"
	"goaio.example/aio/internal/http1"
)

// checkRequest returns an error if a request is invalid, before a connection is
// looked for.
func checkRequest(req *http.Request) error {
	switch {
	case req.URL == nil:
		return errors.New("the request has no URL")
	case req.Header == nil:
		return errors.New("the request has no Header")
	case !isHTTP(req.URL.Scheme):
		return fmt.Errorf("unsupported protocol scheme %q", req.URL.Scheme)
	case req.Method != "" && !http1.ValidMethod(req.Method):
		return fmt.Errorf("invalid method %q", req.Method)
	case req.URL.Host == "":
		return errors.New("no host in the request's URL")
	case strings.ContainsFunc(req.URL.Host, endsHost):
		return errors.New("invalid host in the request's URL")
	case req.ContentLength != 0 && req.Body == nil:
		return fmt.Errorf("the request has a ContentLength of %d and no body", req.ContentLength)
	}
	if err := checkHeader(req.Header); err != nil {
		return err
	}
	for name := range req.Trailer {
		switch canonical(name) {
		case "Content-Length", "Transfer-Encoding", "Trailer":
			return fmt.Errorf("invalid trailer field name %q", name)
		}
	}
	return checkHeader(req.Trailer)
}

// endsHost reports whether c ends a host, wherever it is written.
func endsHost(c rune) bool { return c <= ' ' || c == 0x7f }

// checkHeader returns an error if a request's header is invalid.
func checkHeader(h http.Header) error {
	for name, values := range h {
		if !http1.ValidName(name) {
			return fmt.Errorf("invalid header field name %q", name)
		}
		for _, v := range values {
			if !http1.ValidValue(v) {
				// the value may be a secret
				return fmt.Errorf("invalid header field value for %q", name)
			}
		}
	}
	return nil
}

// gzipAccepted reports whether the client itself asks for a packed response,
// which it unpacks.
func gzipAccepted(req *http.Request) bool {
	return req.Header["Accept-Encoding"] == nil && req.Header["Range"] == nil && req.Method != http.MethodHead
}

// smallBody bounds the part of a body that is sent together with the head.
const smallBody = 16 << 10

// send sends the request.
func (k *clientConn) send(t *trip) {
	up, here := t.uploadOn(k)
	if !here {
		return
	}
	if up != nil {
		up.run(k)
		return
	}
	out := getBuffer()
	b, err := t.appendHead(out.b[:0], t.req, int64(len(t.small)))
	if err != nil {
		putBuffer(out)
		t.fail(err)
		return
	}
	defer t.inOrder()()
	if !t.sends(k) {
		putBuffer(out)
		return
	}
	// the server may answer before Send returns
	t.ex.passPhase(atSend, atHeader)
	apart := len(t.small) > smallBody
	if !apart {
		b = append(b, t.small...)
	}
	f := k.c.Send(b)
	if apart {
		f = k.c.Send(t.small)
	}
	out.b = b
	putBuffer(out)
	t.wroteHead()
	if _, err := f.Result(); !errors.Is(err, aio.ErrPending) {
		k.sent(t, err)
		return
	}
	t.ex.passPhase(atHeader, atSend)
	f.AfterFunc(func() {
		_, err := f.Result()
		k.sent(t, err)
	})
}

// sent notes that the kernel has the request, or that the connection has ended.
// The connection's handler is called for the latter.
func (k *clientConn) sent(t *trip, err error) {
	t.sentWhole(err)
	if t.handedOver(k, err) {
		k.settle(t, err == nil)
	}
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trip == t && t.unanswered() {
		k.why = errHeader
		k.lateIn(orDefault(t.ex.client.Timeouts.Header, 30*time.Second))
	}
}

// handedOver notes that the kernel has the request, unless err says why not. It
// reports whether the connection was held for that.
func (t *trip) handedOver(k *clientConn, err error) (held bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn == k {
		t.sent = err == nil
	}
	if held = t.held == k; held {
		t.held = nil
	}
	return held
}

// sends removes the bound on the wait for a piece of the body.
func (k *clientConn) sends(t *trip) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trip == t && errors.Is(k.why, errSend) {
		k.lateIn(0)
	}
}

// unanswered reports whether the response's head has not arrived.
func (t *trip) unanswered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state == tripSending
}

func (t *trip) wroteHead() {
	if t.trace != nil && t.trace.WroteHeaders != nil {
		t.trace.WroteHeaders()
	}
}

// appendHead appends the head of the trip's request to b. length is the body's
// length as bodyLength returns it.
func (t *trip) appendHead(b []byte, req *http.Request, length int64) ([]byte, error) {
	host, err := hostField(req, t.proxied())
	if err != nil {
		return b, err
	}
	b = append(b, methodOf(req)...)
	b = append(b, ' ')
	if b, err = t.appendTarget(b, req, host); err != nil {
		return b, err
	}
	b = append(b, " HTTP/1.1\r\n"...)
	b = t.appendField(b, "Host", host)
	if agent, set := req.Header["User-Agent"]; !set {
		b = t.appendField(b, "User-Agent", "Go-http-client/1.1")
	} else if len(agent) > 0 && agent[0] != "" {
		b = t.appendField(b, "User-Agent", agent[0])
	}
	if req.Close && !closes(req) {
		b = t.appendField(b, "Connection", "close")
	}
	b = t.appendLength(b, req, length)
	b = t.appendFields(b, req.Header)
	if gzipAccepted(req) {
		b = t.appendField(b, "Accept-Encoding", "gzip")
	}
	if t.proxied() && req.Header["Proxy-Authorization"] == nil {
		if auth := proxyAuth(t.proxy); auth != "" {
			b = t.appendField(b, "Proxy-Authorization", auth)
		}
	}
	return append(b, "\r\n"...), nil
}

// proxied reports whether the request itself is sent to a proxy.
func (t *trip) proxied() bool { return t.proxy != nil && t.key.name == "" }

// proxyAuth returns the value of Proxy-Authorization, "" if the proxy's URL has
// no credentials.
func proxyAuth(proxy *url.URL) string {
	if proxy.User == nil {
		return ""
	}
	password, _ := proxy.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(proxy.User.Username()+":"+password))
}

// hostField returns the value of the Host field.
func hostField(req *http.Request, proxied bool) (string, error) {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	host, err := httpguts.PunycodeHostPort(host)
	switch {
	case err != nil:
		return "", err
	case !httpguts.ValidHostHeader(host) && proxied:
		return "", errors.New("invalid Host")
	// a server that goes by the connection needs no Host: RFC 9112, section 3.2
	case !httpguts.ValidHostHeader(host):
		return "", nil
	}
	return withoutZone(host), nil
}

// withoutZone returns a host without the zone of its IPv6 address, which means
// nothing to another machine (RFC 6874, section 4).
func withoutZone(host string) string {
	if zone := strings.IndexByte(host, '%'); zone > 0 && host[0] == '[' {
		if end := strings.LastIndexByte(host, ']'); end > zone {
			return host[:zone] + host[end:]
		}
	}
	return host
}

// appendTarget appends the request's target.
func (t *trip) appendTarget(b []byte, req *http.Request, host string) ([]byte, error) {
	u, begin := req.URL, len(b)
	switch {
	case req.Method == http.MethodConnect && u.Path == "":
		if u.Opaque != "" {
			host = u.Opaque
		}
		b = append(b, host...)
	case u.Opaque != "":
		b = append(b, u.RequestURI()...)
	default:
		if t.proxied() {
			b = append(b, u.Scheme...)
			b = append(b, "://"...)
			b = append(b, host...)
		}
		if path := u.EscapedPath(); path != "" {
			b = append(b, path...)
		} else {
			b = append(b, '/')
		}
		if u.ForceQuery || u.RawQuery != "" {
			b = append(b, '?')
			b = append(b, u.RawQuery...)
		}
	}
	return cleanTarget(b, begin)
}

// cleanTarget escapes the spaces in the target at b[i:], since a space would
// end the target. A control byte is an error.
func cleanTarget(b []byte, i int) ([]byte, error) {
	spaces := false
	for _, c := range b[i:] {
		if c < ' ' || c == 0x7f {
			return b, errors.New("control byte in the request's URL")
		}
		spaces = spaces || c == ' '
	}
	if spaces {
		b = append(b[:i], strings.ReplaceAll(string(b[i:]), " ", "%20")...)
	}
	return b, nil
}

// appendLength appends the fields that describe the body's length.
func (t *trip) appendLength(b []byte, req *http.Request, n int64) []byte {
	switch {
	case n == lengthRaw:
		return b
	case n < 0:
		b = t.appendField(b, "Transfer-Encoding", "chunked")
		if len(req.Trailer) > 0 {
			b = t.appendField(b, "Trailer", strings.Join(sortedNames(req.Trailer, nil), ","))
		}
		return b
	case n == 0 && !wantsLength(req):
		return b
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, n, 10)
	b = append(b, "\r\n"...)
	if t.trace != nil && t.trace.WroteHeaderField != nil {
		t.trace.WroteHeaderField("Content-Length", []string{strconv.FormatInt(n, 10)})
	}
	return b
}

// wantsLength reports whether a request without a body says so with a
// Content-Length: many servers want one with these methods.
func wantsLength(req *http.Request) bool {
	switch req.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return true
	}
	return false
}

// appendFields appends the fields of the request's own header, sorted by name.
func (t *trip) appendFields(b []byte, h http.Header) []byte {
	var room [16]string
	for _, name := range sortedNames(h, room[:0]) {
		switch name {
		// set from fields of http.Request
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		}
		for _, v := range h[name] {
			b = t.appendField(b, name, http1.Trim(v))
		}
	}
	return b
}

func sortedNames(h http.Header, names []string) []string {
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (t *trip) appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	if t.trace != nil && t.trace.WroteHeaderField != nil {
		t.trace.WroteHeaderField(name, []string{value})
	}
	return append(b, "\r\n"...)
}

// lengthRaw is the length of a CONNECT's body whose length is not known. The
// body is sent unframed, as the first bytes in the tunnel.
const lengthRaw = -2

// bodyLength returns the length of a request's body: -1 if it is not known and
// the body is sent in chunks, or lengthRaw.
func bodyLength(req *http.Request) int64 {
	switch {
	case req.Body == nil || req.Body == http.NoBody:
		return 0
	case req.Method == http.MethodConnect && req.ContentLength <= 0 && len(req.TransferEncoding) == 0:
		return lengthRaw
	case len(req.TransferEncoding) > 0 && req.TransferEncoding[0] == "chunked", req.ContentLength == 0:
		return -1
	}
	return req.ContentLength
}
