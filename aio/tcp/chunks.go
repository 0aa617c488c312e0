package tcp

import (
	"context"
	"io"

	"goaio.example/aio"
)

// chunkSize is how much Chunks reads at a time.
const chunkSize = 32 << 10

var kindChunks = aio.NewKind("tcp.chunks")

// chunks is a channel of what arrives, as an operation.
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

// Chunks returns a channel of what arrives, in slices that belong to the receiver, of at most 32 KiB: for select. It has
// no room, so that a receiver that does not keep up holds up its peer. It is closed when the peer ends, the connection
// does, or ctx: Conn.Err tells why, with nil for the peer's end, and what nobody has received stays to be read. It needs a
// connection without a Handler, which nothing else may read meanwhile. Until the channel is closed it is an operation
// under ctx's, which the loop waits for.
func (c *Conn) Chunks(ctx context.Context) <-chan []byte {
	k := &chunks{conn: c, ch: make(chan []byte), stop: make(chan struct{})}
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
	k.conn.extra().chunkErr = err
	k.over = true
	if k.cut {
		k.conn.cutReads(-1)
	}
	k.conn.mu.Unlock()
	close(k.ch)
}

// read reads into the channel until something ends.
func (k *chunks) read() error {
	buf := make([]byte, chunkSize)
	for {
		n, err := k.conn.Read(buf)
		if n > 0 {
			select {
			case k.ch <- append([]byte(nil), buf[:n]...):
			case <-k.stop:
				k.conn.unread(buf[:n])
			}
		}
		select {
		case <-k.stop:
			return context.Cause(k.op.Context())
		default:
		}
		if err == io.EOF { //nolint:errorlint // Read returns it bare
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// cutReads ends the Reads under way, and those to come, until it is called with the opposite. The lock is held.
func (c *Conn) cutReads(n int) {
	c.extra().cut += n
	c.lookAgain()
	c.boundReads() // fails only on a closed connection, which ends Reads too
}

// unread puts what a Read brought back.
func (c *Conn) unread(p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connOpen {
		x := c.extra()
		x.ahead = append(append([]byte(nil), p...), x.ahead...)
		c.wakeLocked()
	}
}
