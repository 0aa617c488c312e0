package httpx_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// framePeer is the server's end of a connection over HTTP/2, whose frames a
// script writes itself.
type framePeer struct {
	net.Conn
	*http2.Framer
	mu     sync.Mutex // held by frame and answer while they write
	fields bytes.Buffer
	coder  *hpack.Encoder
}

// framed is a request's stream.
type framed struct {
	id           uint32
	method, path string
	body         []byte
}

// newFramePeer reads the client's preface, and sends settings. It returns nil
// if the connection has ended.
func newFramePeer(c net.Conn, settings ...http2.Setting) *framePeer {
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return nil
	}
	p := &framePeer{Conn: c, Framer: http2.NewFramer(c, c)}
	p.coder = hpack.NewEncoder(&p.fields)
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.WriteSettings(settings...)
	return p
}

// head returns the next request, whose body may be still to come. It reports
// false if the connection has ended.
func (p *framePeer) head() (r framed, whole, ok bool) {
	for {
		f, err := p.frame()
		if err != nil {
			return r, false, false
		}
		if h, ok := f.(*http2.MetaHeadersFrame); ok {
			r = framed{id: h.StreamID, method: h.PseudoValue("method"), path: h.PseudoValue("path")}
			return r, h.StreamEnded(), true
		}
	}
}

// request returns the next request, with its body. One that is reset is
// skipped.
func (p *framePeer) request() (r framed, ok bool) {
	r, whole, ok := p.head()
	for ok && !whole {
		f, err := p.frame()
		if err != nil {
			return r, false
		}
		if reset, isReset := f.(*http2.RSTStreamFrame); isReset && reset.StreamID == r.id {
			return p.request()
		}
		if d, isData := f.(*http2.DataFrame); isData && d.StreamID == r.id {
			r.body = append(r.body, d.Data()...)
			whole = d.StreamEnded()
			if n := uint32(len(d.Data())); n > 0 {
				p.WriteWindowUpdate(0, n)
				p.WriteWindowUpdate(r.id, n)
			}
		}
	}
	return r, ok
}

// frame returns the next frame. Settings and pings are answered.
func (p *framePeer) frame() (http2.Frame, error) {
	f, err := p.ReadFrame()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			p.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			p.WritePing(true, f.Data)
		}
	}
	return f, err
}

// answerHead begins an answer.
func (p *framePeer) answerHead(id uint32, status string, over bool) {
	p.fields.Reset()
	p.coder.WriteField(hpack.HeaderField{Name: ":status", Value: status})
	p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.fields.Bytes(), EndHeaders: true, EndStream: over})
}

// answer answers a request with a body.
func (p *framePeer) answer(id uint32, body string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answerHead(id, "200", body == "")
	if body != "" {
		p.WriteData(id, true, []byte(body))
	}
}

// answersAll answers requests with their paths, until the connection ends.
func (p *framePeer) answersAll() {
	for r, ok := p.request(); ok; r, ok = p.request() {
		p.answer(r.id, r.path)
	}
}

// bubbleFrames runs main in a bubble, with a client that speaks HTTP/2 to
// http://origin, which fn serves. fn has each connection, and its number.
func bubbleFrames(t *testing.T, settings []http2.Setting, fn func(n int, p *framePeer), main func(ctx context.Context, t *testing.T, c *httpx.Client, n *aiotest.Network) error) {
	t.Helper()
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("origin:80")
		if err != nil {
			return err
		}
		defer serveConns(ln, func(n int, c net.Conn) {
			defer c.Close()
			if p := newFramePeer(c, settings...); p != nil {
				fn(n, p)
			}
		})()
		return main(ctx, t, inMemory(&httpx.Client{H2C: true}, &n), &n)
	})
}
