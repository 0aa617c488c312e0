package tcp

import (
	"bytes"
	"context"

	"goaio.example/aio"
)

// chunkSize is how much Chunks reads at a time.
const chunkSize = 32 << 10

var kindChunks = aio.NewKind("tcp.chunks")

// chunks is a channel of arriving data, as an operation. Until it is closed it
// counts as a Read, so that a new handler waits until what it has read is
// received or put back.
type chunks struct {
	op   aio.Op
	conn *Conn
	ch   chan []byte
	stop chan struct{} // closed when the operation is cancelled

	// guarded by the Conn's lock
	over bool
	cut  bool // Reads must end because of us
}

// OpCancel interrupts the Read.
func (k *chunks) OpCancel(error) {
	close(k.stop)
	k.conn.mu.Lock()
	defer k.conn.mu.Unlock()
	if !k.over {
		k.cut = true
		k.conn.cutReads(1)
	}
}

func (k *chunks) OpName() string { return "chunks " + k.conn.addr() }

// Chunks returns a channel of arriving data, for select. The slices are at most
// 32 KiB and belong to the receiver. The channel is unbuffered, so a slow
// receiver holds up its peer. It is closed when the peer ends, the connection
// or ctx ends, or SetHandler is called: Conn.Err then says why, with nil for
// the peer's end, and what was not received can still be read. The connection
// must have no Handler, and nothing else may read from it meanwhile. Until the
// channel is closed it is an operation under ctx's, which the loop waits for.
func (c *Conn) Chunks(ctx context.Context) <-chan []byte {
	k := &chunks{conn: c, ch: make(chan []byte), stop: make(chan struct{})}
	c.mu.Lock()
	c.extra().reads.underWay++
	c.mu.Unlock()
	if err := k.op.Start(ctx, kindChunks, "", k); err != nil {
		k.close(err)
		return k.ch
	}
	k.op.Go(func() {
		k.close(k.read())
		k.op.End(nil)
	}, func(err error) { k.op.End(err) })
	return k.ch
}

// close closes the channel, for the reason err.
func (k *chunks) close(err error) {
	k.conn.mu.Lock()
	k.conn.extra().reads.chunkErr = err
	k.over = true
	if k.cut {
		k.conn.cutReads(-1)
	}
	k.conn.readerLeaves()
	k.conn.mu.Unlock()
	close(k.ch)
}

// read reads into the channel until something ends.
func (k *chunks) read() error {
	buf := make([]byte, chunkSize)
	for {
		n, err := k.conn.Read(buf)
		if n > 0 && !k.give(bytes.Clone(buf[:n])) {
			k.conn.unread(buf[:n])
			err = k.conn.condition("read", errHandled)
		}
		switch {
		case k.stopped():
			return context.Cause(k.op.Context())
		case err == errEOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// give passes a chunk to the receiver. It reports false if the channel must be
// closed instead.
func (k *chunks) give(p []byte) bool {
	for {
		k.conn.mu.Lock()
		handled := k.conn.in.engaged()
		changed := k.conn.extra().left.C()
		k.conn.mu.Unlock()
		if handled {
			return false
		}
		select {
		case k.ch <- p:
			return true
		case <-k.stop:
			return false
		case <-changed:
		}
	}
}

// stopped reports whether the operation was cancelled.
func (k *chunks) stopped() bool {
	select {
	case <-k.stop:
		return true
	default:
		return false
	}
}

// cutReads ends current and future Reads, until it is called with the opposite
// number. The lock is held.
func (c *Conn) cutReads(n int) {
	c.extra().reads.cuts += n
	c.lookAgain()
	c.boundReads() // fails only on a closed connection, which ends Reads too
}

// Unread puts a copy of p in front of what is read from the connection next, by
// any method. It is for a protocol that has read beyond its own data and hands
// the connection on. No read may be in progress. On a connection that has ended
// it does nothing.
func (c *Conn) Unread(p []byte) {
	if len(p) > 0 {
		c.unread(p)
	}
}

// unread is Unread for a p that is not empty.
func (c *Conn) unread(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.open() {
		c.unframe()
		c.extra().reads.putBack(p)
		c.wakeLocked()
	}
}
