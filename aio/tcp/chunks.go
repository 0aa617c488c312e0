package tcp

import (
	"bytes"
	"context"

	"goaio.example/aio"
)

// chunkSize is how much Chunks reads at a time.
const chunkSize = 32 << 10

var kindChunks = aio.NewKind("tcp.chunks")

// chunks is a channel of what arrives, as an operation. Until it is closed it
// counts as a Read, so that a handler that comes meanwhile waits until what it
// has read is received or put back.
type chunks struct {
	op   aio.Op
	conn *Conn
	ch   chan []byte
	stop chan struct{} // closed when the operation is cancelled

	// guarded by the Conn's lock
	over bool
	cut  bool // Reads are to end because of us
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

// Chunks returns a channel of what arrives, in slices that belong to the
// receiver, of at most 32 KiB: for select. It has no room, so that a receiver
// that does not keep up holds up its peer. It is closed when the peer ends, the
// connection does, ctx does, or SetHandler is called: Conn.Err tells why, with
// nil for the peer's end, and what was not received stays to be read. It needs
// a connection without a Handler, which nothing else may read meanwhile. Until
// the channel is closed it is an operation under ctx's, which the loop waits
// for.
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

// give hands a chunk to the receiver. It reports false if the channel is to be
// closed first.
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

// cutReads ends the Reads under way, and those to come, until it is called with
// the opposite. The lock is held.
func (c *Conn) cutReads(n int) {
	c.extra().reads.cuts += n
	c.lookAgain()
	c.boundReads() // fails only on a closed connection, which ends Reads too
}

// Unread puts p, which it copies, in front of what is read from the connection
// next, by whatever way: for a protocol that has read more than was its own,
// and hands the connection on. No read may be under way. On a connection that
// has ended it does nothing.
func (c *Conn) Unread(p []byte) {
	if len(p) > 0 {
		c.unread(p)
	}
}

// unread is Unread for what is not empty.
func (c *Conn) unread(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.open() {
		c.unframe()
		c.extra().reads.putBack(p)
		c.wakeLocked()
	}
}
