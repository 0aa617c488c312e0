package httpx

import (
	"os"
	"time"

	"goaio.example/aio"
)

// SetReadDeadline sets the deadline of reading the request's body.
func (w *h1Writer) SetReadDeadline(t time.Time) error {
	w.x.body.setDeadline(t)
	return nil
}

// SetWriteDeadline sets the deadline of the calls that write, also of one that
// is under way. When it has passed the connection ends.
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

// await waits for a send, until the write deadline: then it closes the
// connection, which lets go of what it was given.
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
			err := w.x.writeFailure(os.ErrDeadlineExceeded) // before the closing is its cause
			w.x.k.c.Close()                                 // fails only on a connection that has ended
			<-f.Done()
			return err
		}
	}
}
