package dnsx

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// Net returns a *net.Resolver that asks r instead of servers. It uses r's
// cache, and shares queries under way. It is for code that takes only that
// type, such as net.Dialer. Its lookups need a ctx that belongs to a loop, and
// fail with a temporary *net.DNSError otherwise.
//
// The *net.Resolver itself uses the system's hosts file and resolv.conf (search
// list, ndots, attempts) instead of the fields of r. If r leaves lookups of
// hosts to the system's resolver, Net returns a zero net.Resolver.
func (r *Resolver) Net() *net.Resolver {
	r = r.orDefault()
	if s := r.settle(clock()); s.order == orderSystem {
		return new(net.Resolver)
	}
	return &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if aio.LoopOf(ctx) == nil {
				return nil, aio.ErrNoLoop
			}
			ctx, cancel := context.WithCancelCause(ctx)
			return &memoryConn{r: r, ctx: ctx, cancel: cancel}, nil
		},
	}
}

// memoryConn is a connection to the resolver. As in TCP, a message follows its
// length. Read does the lookup, in the reader's goroutine.
type memoryConn struct {
	r      *Resolver
	ctx    context.Context // ends with the connection
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	in, out  []byte
	deadline time.Time
}

// maxQuery is the size of the largest query that is accepted.
const maxQuery = 4096

var errHugeQuery = errors.New("dnsx: the query is too long")

// Write accepts a query, or a part of one.
func (c *memoryConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ctx.Err() != nil:
		return 0, context.Cause(c.ctx)
	case len(c.in)+len(b) > 2+maxQuery:
		return 0, errHugeQuery
	}
	c.in = append(c.in, b...)
	return len(b), nil
}

// Read returns the answer, after a lookup if there is none yet. Reads must not
// overlap.
func (c *memoryConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out) == 0 {
		msg, deadline, err := c.next()
		if err != nil {
			return 0, err
		}
		c.mu.Unlock()
		out, err := c.exchange(msg, deadline)
		c.mu.Lock()
		if err != nil {
			return 0, err
		}
		c.out = out
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	return n, nil
}

// next removes a query that was written.
func (c *memoryConn) next() (msg []byte, deadline time.Time, err error) {
	if c.ctx.Err() != nil {
		return nil, deadline, context.Cause(c.ctx)
	}
	if len(c.in) < 2 || len(c.in) < 2+int(binary.BigEndian.Uint16(c.in)) {
		return nil, deadline, io.EOF
	}
	n := 2 + int(binary.BigEndian.Uint16(c.in))
	msg, c.in = c.in[2:n:n], c.in[n:]
	return msg, c.deadline, nil
}

// exchange returns the answer to a query, after its length.
func (c *memoryConn) exchange(msg []byte, deadline time.Time) ([]byte, error) {
	ctx := c.ctx
	if !deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	out, err := c.r.answerMessage(ctx, msg)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...), nil
}

// answerMessage returns the DNS message that answers the message msg.
func (r *Resolver) answerMessage(ctx context.Context, msg []byte) ([]byte, error) {
	var p dnsmessage.Parser
	h, err := p.Start(msg)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	known, err := r.answerQuestion(ctx, question{lowerName(q.Name.String()), q.Type})
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		known = &reply{rcode: dnsmessage.RCodeServerFailure}
	}
	ttl := min(known.ttl(time.Now())/time.Second, 1<<31-1)
	out, err := known.toMessage(h, q, uint32(ttl))
	if err == nil && len(out) > 1<<16-1 {
		err = errHugeQuery
	}
	return out, err
}

// answerQuestion looks up the reply to a question, as Query does.
func (r *Resolver) answerQuestion(ctx context.Context, q question) (*reply, error) {
	if isNowhere(unrooted(q.name)) {
		r.counts.literals.Add(1)
		return &reply{rcode: dnsmessage.RCodeNameError}, nil
	}
	r.counts.other.Add(1)
	r.settle(clock())
	if p := r.x.cached(q); p != nil {
		return p, nil
	}
	ask := func(ctx context.Context) (*reply, error) { return r.x.ask(ctx, q) }
	return wait(ctx, &operation[*reply]{r: r, what: "lookup", host: unrooted(q.name), task: taskFunc[*reply](ask)})
}

// Close closes the connection, and cancels its lookup.
func (c *memoryConn) Close() error {
	c.cancel(net.ErrClosed)
	return nil
}

// SetDeadline sets the deadline of future Reads.
func (c *memoryConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return nil
}

// SetReadDeadline sets the deadline of future Reads.
func (c *memoryConn) SetReadDeadline(t time.Time) error { return c.SetDeadline(t) }

// SetWriteDeadline does nothing: Write never waits.
func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr returns the address of the resolver.
func (c *memoryConn) LocalAddr() net.Addr { return memoryAddr{} }

// RemoteAddr returns the address of the resolver.
func (c *memoryConn) RemoteAddr() net.Addr { return memoryAddr{} }

// memoryAddr is the address of the resolver.
type memoryAddr struct{}

// Network returns "memory".
func (memoryAddr) Network() string { return "memory" }

// String returns "dnsx".
func (memoryAddr) String() string { return "dnsx" }
