package httpx

import (
	"errors"
	"io"
	"sync"

	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/tcp"
)

// clientTunnel is the body of a response that ends HTTP on its connection: of a
// 101, or of a 2xx to CONNECT. It carries the connection's further data in both
// directions, and has no timeout.
type clientTunnel struct {
	*tcp.Conn
	host   *host
	upload *upload // of the request's body, which may still be sent; may be nil
	once   sync.Once
}

var _ io.ReadWriteCloser = (*clientTunnel)(nil)

// Close closes the connection.
func (b *clientTunnel) Close() error {
	err := b.Conn.Close()
	b.once.Do(func() {
		if b.upload != nil {
			b.upload.stop()
		}
		b.host.gone()
	})
	return err
}

var errTunnel = errors.New("httpx: the connection ended when it was to be taken over")

// beginTunnel passes the connection to the trip's taker. rest is what has
// arrived after the head.
func (t *trip) beginTunnel(k *clientConn, rest []byte) {
	up, here := t.uploadOn(k)
	if !here || !k.letGo(t) {
		return
	}
	if err := k.c.Hijack(); err != nil {
		t.fail(errors.Join(errTunnel, err))
		return
	}
	k.kill()
	alarm.Of(&k.host.pool.op).Stop(&k.alarm)
	k.c.Unread(rest)
	tunnel := &clientTunnel{Conn: k.c, host: k.host, upload: up}
	t.in.tunnel = tunnel
	if !t.finish() { // it was cancelled meanwhile
		tunnel.Close()
		return
	}
	t.taker.head(t, k)
}
