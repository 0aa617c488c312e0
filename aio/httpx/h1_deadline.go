package httpx

import (
	"os"
	"time"

	"goaio.example/aio"
)

// SetReadDeadline sets the deadline for reading the request's body.
func (w *h1Writer) SetReadDeadline(t time.Time) error {
	w.x.body.setDeadline(t)
	return nil
}

// SetWriteDeadline sets the deadline for writing, including calls in progress.
// The connection ends when it passes.
func (w *h1Writer) SetWriteDeadline(t time.Time) error {
	k := w.x.k
	k.mu.Lock()
	defer k.mu.Unlock()
	w.by = t
	w.moved.Ring()
	if w.direct {
		return k.c.SetWriteDeadline(t)
	}
	return nil
}

// EnableFullDuplex does nothing: the body can always be read while the response
// is written.
func (w *h1Writer) EnableFullDuplex() error { return nil }

// await waits for a send until the write deadline. Then it closes the
// connection, which releases the buffers of the send.
func (w *h1Writer) await(f *aio.Future[int]) error {
	late := time.NewTimer(0)
	defer late.Stop()
	for {
		w.x.k.mu.Lock()
		by, moved := w.by, w.moved.C()
		w.x.k.mu.Unlock()
		if late.Stop(); !by.IsZero() {
			late.Reset(time.Until(by))
		}
		select {
		case <-f.Done():
			_, err := f.Result()
			return err
		case <-moved:
		case <-late.C:
			// before closing becomes its cause
			err := w.x.writeFailure(os.ErrDeadlineExceeded)
			w.x.k.c.Close() // fails only on a connection that has ended
			<-f.Done()
			return err
		}
	}
}
