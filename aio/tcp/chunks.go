package tcp

import (
	"context"
	"errors"
	"io"

	"goaio.example/aio"
)

// chunkSize is how much Chunks reads at a time.
const chunkSize = 32 << 10

// Chunks returns a channel of what arrives, in slices that belong to the receiver, of at most 32 KiB: for select. It has
// no room, so that a receiver that does not keep up holds up its peer. It is closed when the peer ends, the connection
// does, or ctx; Conn.Err tells why. Nothing else may read the connection meanwhile. Until then it is an operation
// under ctx's, which the loop waits for.
func (c *Conn) Chunks(ctx context.Context) <-chan []byte {
	ch := make(chan []byte)
	f := aio.Go(ctx, "chunks "+c.addr(), func(ctx context.Context) (struct{}, error) {
		defer close(ch)
		err := c.readChunks(ctx, ch)
		c.mu.Lock()
		c.chunkErr = err
		c.mu.Unlock()
		return struct{}{}, nil
	})
	if _, err := f.Result(); err != nil && !errors.Is(err, aio.ErrPending) {
		c.mu.Lock()
		c.chunkErr = err // the operation could not be started
		c.mu.Unlock()
		close(ch)
	}
	return ch
}

// readChunks reads into ch until something ends.
func (c *Conn) readChunks(ctx context.Context, ch chan<- []byte) error {
	stop := context.AfterFunc(ctx, func() { c.t.SetReadDeadline(past) })
	defer func() {
		if !stop() {
			c.mu.Lock()
			c.t.SetReadDeadline(c.rdl.at) // what interrupted us must not interrupt others
			c.mu.Unlock()
		}
	}()
	buf := make([]byte, chunkSize)
	for {
		n, err := c.Read(buf)
		if n > 0 {
			select {
			case ch <- append([]byte(nil), buf[:n]...):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		switch {
		case err == nil:
		case err == io.EOF:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			return err
		}
	}
}
