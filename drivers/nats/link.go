package nats

import (
	"context"
	"sync"

	natsgo "github.com/nats-io/nats.go"

	"goaio.example/aio"
)

// link is what a client has in one loop: its newest connection.
type link struct {
	client *Client
	loop   *aio.Loop
	top    context.Context // of what belongs to the loop itself

	mu      sync.Mutex
	newest  *conn
	flusher flusher
}

// connect returns the connection, and makes one if there is none. It may be one
// that nats.go is repairing.
func (l *link) connect(ctx context.Context) (*conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	l.mu.Lock()
	cn := l.newest
	if cn == nil || cn.over() {
		var err error
		if cn, err = newConn(l); err != nil {
			l.mu.Unlock()
			return nil, err
		}
		l.newest = cn
	}
	l.mu.Unlock()
	select {
	case <-cn.ready:
		return cn, cn.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// nats is connect, for calls of nats.go.
func (l *link) nats(ctx context.Context) (*natsgo.Conn, error) {
	cn, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	return cn.nc, nil
}

// end waits for nats.go, when the loop has ended.
func (l *link) end() {
	l.mu.Lock()
	cn := l.newest
	l.mu.Unlock()
	if cn != nil {
		<-cn.closed
	}
	l.client.forget(l.loop)
}
