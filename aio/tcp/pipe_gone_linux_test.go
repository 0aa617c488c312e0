package tcp_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// answerSize is how long an answer is that does not fit into the buffers of a
// peer that does not read, but into those of this side.
const answerSize = 400 << 10

// overTCP runs a test over the transports that lose nothing with a reset that
// has arrived before.
func overTCP(t *testing.T, test func(w *world)) {
	overAll(t, func(w *world) {
		if !w.memory() && w.transport != "unix" {
			test(w)
		}
	})
}

// upload has left write until that fails, while right does not read on.
func (p *piped) upload() {
	p.Helper()
	aio.Spawn(p.ctx, "uploader", func(context.Context) error {
		for {
			if _, err := p.left.Write(numbers(1 << 20)); err != nil {
				return nil
			}
		}
	})
	if _, err := io.ReadFull(p.right, make([]byte, 1<<20)); err != nil {
		p.Fatalf("io.ReadFull: %v", err)
	}
}

// answer has right write an answer, and waits until the pipe has moved it.
func (p *piped) answer() {
	p.Helper()
	if _, err := p.right.Write(numbers(answerSize)); err != nil {
		p.Errorf("p.right.Write: %v", err)
	}
	aiotest.Eventually(p, func() bool { return p.a.Stats().BytesOut >= answerSize })
}

// wantAnswer has left read the answer, and returns what comes after it.
func (p *piped) wantAnswer() error {
	p.Helper()
	got, err := io.ReadAll(p.left)
	if len(got) != answerSize {
		p.Errorf("%d bytes of %d", len(got), answerSize)
	}
	wantNumbers(p, got, 0)
	return err
}

// gone wants the pipe to end because right has gone.
func (p *piped) gone() {
	p.Helper()
	_, err := p.done.Await(p.ctx)
	wantErr(p, err, aio.ErrReset, "")
	p.wantClosed()
	p.closePeers()
}

// What a peer has said before its reset reaches the other that reads it later,
// who sees that it was cut.
func TestPipeAnswerThenReset(t *testing.T) {
	overTCP(t, func(w *world) {
		p := w.piped()
		p.answer()
		p.right.Abort()
		soon(w, p.b.Done())
		if err := p.wantAnswer(); err == nil {
			w.Error("a clean end")
		}
		p.gone()
	})
}

// A peer that answers and goes while the other still writes to it is heard.
func TestPipeAnswerWhileUploading(t *testing.T) {
	overTCP(t, func(w *world) {
		for range 10 {
			p := w.piped()
			p.upload()
			if _, err := p.right.Write([]byte("too large")); err != nil {
				w.Errorf("p.right.Write: %v", err)
			}
			if w.secure() { // where writing that fails ends the connection
				aiotest.Eventually(w, func() bool { return p.b.Stats().BytesIn == 9 })
			}
			p.right.Abort()
			got, err := io.ReadAll(p.left)
			if string(got) != "too large" || err == nil {
				w.Errorf("got %q, %v", got, err)
			}
			p.gone()
		}
	})
}

// If it has ended its side before it goes, its answer is whole.
func TestPipeWholeAnswerWhileUploading(t *testing.T) {
	overTCP(t, func(w *world) {
		p := w.piped()
		p.upload()
		p.answer()
		p.right.CloseWrite()
		aiotest.Eventually(w, func() bool { return tcp.Readers(p.b) == 0 })
		p.right.Abort()
		soon(w, p.b.Done())
		if err := p.wantAnswer(); err != nil {
			w.Errorf("p.wantAnswer: %v", err)
		}
		p.left.Close()
		p.gone()
	})
}

// A pipe that still moves what one side has said before it went can be
// cancelled. The error is that of the side.
func TestPipeCancelledWhenGone(t *testing.T) {
	overTCP(t, func(w *world) {
		p := w.piped()
		p.answer()
		p.right.Abort()
		soon(w, p.b.Done())
		p.done.Cancel(errors.New("enough"))
		p.gone()
	})
}

// A connection that the program closes after a flush makes no event either.
func TestPipeClosedAfterFlushByProgram(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.piped()
		ask(w, loopback{p.left, p.right}, "hello")
		p.a.CloseAfterFlush()
		p.left.Close()
		soon(w, p.done.Done())
		p.wantClosed()
		p.closePeers()
	})
}
