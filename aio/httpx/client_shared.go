//lint:file-ignore SA1019 http.Transport, which package http2 points to, takes no connection that is there, and for ALPN only
// one of crypto/tls: its dialing, and its pool, would have to be used with it.

package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio/tcp"
)

// sharedConns is the connections to a host that speaks HTTP/2. Package http2
// speaks it; which connection a request gets is decided here.
type sharedConns struct {
	host *host
	t    http2.Transport

	// The pool's lock guards these.
	conns   []*http2.ClientConn
	dialing *dialing // for requests that found no room
}

func newSharedConns(h *host) *sharedConns {
	s := &sharedConns{host: h}
	s.t.ConnPool = (*sharedPool)(s)
	s.t.AllowHTTP = true
	s.t.MaxHeaderListSize = maxHeaderBytes
	s.t.StrictMaxConcurrentStreams = h.pool.client.MaxConnsPerHost > 0
	s.t.IdleConnTimeout = orDefault(h.pool.client.Timeouts.Idle, 60*time.Second)
	return s
}

// sharedConn is a connection as package http2 has it.
type sharedConn struct {
	*tcp.Conn
	host  *host
	state *tls.ConnectionState
	once  sync.Once
}

// ConnectionState returns the state of TLS, which package http2 looks for.
func (c *sharedConn) ConnectionState() tls.ConnectionState {
	if c.state != nil {
		return *c.state
	}
	return tls.ConnectionState{}
}

// Close closes the connection, and uncounts it.
func (c *sharedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.host.gone)
	return err
}

// dialedShared ends a dial that has brought a connection for HTTP/2. All that
// wait for the host share it, and what is being dialed for them is not needed.
func (h *host) dialedShared(d *dialing, c *tcp.Conn) {
	conn := &sharedConn{Conn: c, host: h}
	if state, ok := c.TLS(); ok {
		conn.state = &state
	}
	s, needed := h.becomeShared(d)
	if !needed {
		conn.Close()
		return
	}
	cc, err := s.t.NewClientConn(conn)
	if err != nil {
		conn.Close()
	}
	h.pool.mu.Lock()
	if err == nil {
		s.conns = append(s.conns, cc)
	}
	d.tell(err)
	waiting, spare := h.allWaiting()
	h.pool.mu.Unlock()
	for _, other := range spare {
		other.op.Cancel(errNotNeeded)
	}
	for _, t := range waiting {
		if err != nil {
			t.fail(err)
		} else {
			t.toShared(s)
		}
	}
}

// becomeShared notes that the host speaks HTTP/2. It reports false if another
// connection than the dial's will do.
func (h *host) becomeShared(d *dialing) (s *sharedConns, needed bool) {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	if d.trip != nil {
		d.trip.dial, d.trip = nil, nil
	}
	if h.shared == nil {
		h.shared = newSharedConns(h)
		return h.shared, true
	}
	return h.shared, d.done != nil || len(h.shared.conns) == 0
}

// allWaiting takes all trips that wait, and what is being dialed for them. The
// pool's lock is held.
func (h *host) allWaiting() (all []*trip, spare []*dialing) {
	for t := h.waiting.pop(); t != nil; t = h.waiting.pop() {
		d := t.dial
		if all = append(all, t); d == nil {
			continue
		}
		t.dial, d.trip, d.unwanted = nil, nil, true
		if d.started {
			spare = append(spare, d)
		}
	}
	return all, spare
}

// tell tells the requests by HTTP/2 that wait for the dial how it went. The
// pool's lock is held.
func (d *dialing) tell(err error) {
	if d.done == nil {
		return
	}
	if s := d.host.shared; s != nil && s.dialing == d {
		s.dialing = nil
	}
	d.failed = err
	close(d.done)
	d.done = nil
}

// closeIdle closes the connections that have no request.
func (s *sharedConns) closeIdle() {
	s.host.pool.mu.Lock()
	conns := append([]*http2.ClientConn(nil), s.conns...)
	s.host.pool.mu.Unlock()
	for _, cc := range conns {
		if st := cc.State(); st.StreamsActive+st.StreamsPending+st.StreamsReserved == 0 {
			(*sharedPool)(s).MarkDead(cc)
			cc.Close()
		} else if s.host.pool.drains() {
			cc.SetDoNotReuse()
		}
	}
}

// drains reports whether no connection is kept.
func (p *pool) drains() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.drained
}

// sharedPool is the sharedConns as package http2 asks for connections.
type sharedPool sharedConns

var _ http2.ClientConnPool = (*sharedPool)(nil)

// errNotShared says that the host does not speak HTTP/2 any more.
var errNotShared = errors.New("httpx: the host does not speak HTTP/2 any more")

// GetClientConn returns a connection that has room for another request. If none
// has, one is dialed for all that wait.
func (p *sharedPool) GetClientConn(req *http.Request, _ string) (*http2.ClientConn, error) {
	ctx := req.Context()
	if w, ok := ctx.Value(sharedWatchKey{}).(*sharedWatch); ok {
		w.enter(atDial) // the trip has told the trace
	}
	for {
		conns, wanted := p.snapshot()
		for _, cc := range conns {
			if cc.ReserveNewRequest() {
				return cc, nil
			}
		}
		if !wanted {
			return nil, errNotShared
		}
		if err := p.dial(ctx, len(conns)); err != nil {
			return nil, err
		}
	}
}

// snapshot returns the connections, and whether the host still speaks HTTP/2.
func (p *sharedPool) snapshot() ([]*http2.ClientConn, bool) {
	p.host.pool.mu.Lock()
	defer p.host.pool.mu.Unlock()
	return append([]*http2.ClientConn(nil), p.conns...), p.host.shared == (*sharedConns)(p)
}

// dial waits until a connection has come beside those that are known, which it
// dials if nobody does.
func (p *sharedPool) dial(ctx context.Context, known int) error {
	h := p.host
	h.pool.mu.Lock()
	if len(p.conns) > known {
		h.pool.mu.Unlock()
		return nil
	}
	d := p.dialing
	if d == nil {
		h.conns++
		d = &dialing{host: h, of: context.WithoutCancel(ctx), done: make(chan struct{})}
		p.dialing = d
	}
	done, first := d.done, d.sharers == 0
	d.sharers++
	h.pool.mu.Unlock()
	if first {
		d.start()
	}
	select {
	case <-done:
		return d.failed
	case <-ctx.Done():
	}
	if p.leave(d) {
		d.op.Cancel(errNotNeeded)
	}
	return context.Cause(ctx)
}

// leave ends a request's waiting for a dial. The last one's has the dial be
// given up, which nobody joins any more, and reports whether it is to be
// cancelled.
func (p *sharedPool) leave(d *dialing) (cancel bool) {
	p.host.pool.mu.Lock()
	defer p.host.pool.mu.Unlock()
	if d.sharers--; d.sharers > 0 {
		return false
	}
	if p.dialing == d {
		p.dialing = nil
	}
	d.unwanted = true
	return d.started
}

// MarkDead forgets a connection.
func (p *sharedPool) MarkDead(cc *http2.ClientConn) {
	p.host.pool.mu.Lock()
	defer p.host.pool.mu.Unlock()
	for i, c := range p.conns {
		if c == cc {
			p.conns = append(p.conns[:i], p.conns[i+1:]...)
			return
		}
	}
}

// roundTrip makes a request by HTTP/2.
func (s *sharedConns) roundTrip(ex *outgoing, req *http.Request) (*http.Response, error) {
	w := newSharedWatch(ex, req)
	resp, err := s.t.RoundTrip(w.req)
	if err != nil {
		w.end()
		if w.req.Body != nil && !errors.Is(err, errNotShared) {
			w.req.Body.Close() // which package http2 does not if it got no connection
		}
		return nil, w.cause(err)
	}
	w.head()
	if resp.Request = req; w.req.Body != nil && w.req.Body != http.NoBody {
		resp.Body = newSharedBody(resp.Body, w)
	}
	return resp, nil
}
