package memnet_test

import (
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/internal/memnet"
)

func TestCloseWrite(t *testing.T) {
	a, b := pipe(t, 0)
	write(t, a, "question")
	for range 2 {
		wantErr(t, "CloseWrite", a.CloseWrite(), nil)
	}
	wantWrite(t, a, "x", 0, syscall.EPIPE)
	wantRead(t, b, "question", nil)
	wantRead(t, b, "", io.EOF)
	wantRead(t, b, "", io.EOF)
	write(t, b, "answer")
	wantErr(t, "Close", b.Close(), nil)
	wantRead(t, a, "answer", nil)
	wantRead(t, a, "", io.EOF)
}

func TestCloseRead(t *testing.T) {
	a, b := pipe(t, 4)
	write(t, b, "full")
	wantErr(t, "CloseRead", a.CloseRead(), nil)
	wantRead(t, a, "", io.EOF)
	write(t, b, "more than the buffer")
	wantRead(t, a, "", io.EOF)
	write(t, a, "x")
	wantRead(t, b, "x", nil)
	a.Close()
	wantRead(t, b, "", syscall.ECONNRESET)

	c, d := pipe(t, 4)
	c.CloseRead()
	c.Close()
	wantRead(t, d, "", io.EOF)
}

func TestCloseGraceful(t *testing.T) {
	a, b := pipe(t, 0)
	write(t, a, "last words")
	wantErr(t, "Close", a.Close(), nil)
	wantWrite(t, b, "lost", 4, nil)
	wantWrite(t, b, "x", 0, syscall.EPIPE)
	wantRead(t, b, "last words", nil)
	wantRead(t, b, "", io.EOF)
	wantWrite(t, b, "x", 0, syscall.EPIPE)
}

func TestReset(t *testing.T) {
	ways := map[string]func(a, b *memnet.Conn){
		"Abort":  func(a, _ *memnet.Conn) { a.Abort() },
		"linger": func(a, _ *memnet.Conn) { a.SetLinger(0); a.Close() },
		"unread": func(a, b *memnet.Conn) { b.Write([]byte("x")); a.Close() },
	}
	for name, reset := range ways {
		t.Run(name, func(t *testing.T) {
			a, b := pipe(t, 0)
			write(t, a, "lost")
			reset(a, b)
			for range 2 {
				wantRead(t, b, "", syscall.ECONNRESET)
				wantWrite(t, b, "x", 0, syscall.ECONNRESET)
			}
			_, err := b.TryWrite([]byte("x"))
			wantErr(t, "TryWrite", err, syscall.ECONNRESET)
			wantErr(t, "WriteReady", b.WriteReady(), syscall.ECONNRESET)
			wantErr(t, "CloseWrite", b.CloseWrite(), syscall.ENOTCONN)
			wantErr(t, "Close", b.Close(), nil)
			wantRead(t, a, "", net.ErrClosed)
		})
	}
}

func TestLingerUndone(t *testing.T) {
	a, b := pipe(t, 0)
	a.SetLinger(0)
	a.SetLinger(-1)
	a.Close()
	wantRead(t, b, "", io.EOF)
}

// A reset after the end of the data: a peer that loses nothing does not notice.
func TestResetAfterCloseWrite(t *testing.T) {
	a, b := pipe(t, 0)
	a.CloseWrite()
	a.Abort()
	wantRead(t, b, "", io.EOF)
	wantWrite(t, b, "x", 0, syscall.EPIPE)

	c, d := pipe(t, 0)
	write(t, c, "lost")
	c.CloseWrite()
	c.Abort()
	wantRead(t, d, "", syscall.ECONNRESET)
	wantWrite(t, d, "x", 0, syscall.EPIPE)
}

func TestEndsWakeTheBlocked(t *testing.T) {
	tests := []struct {
		name        string
		end         func(a, b *memnet.Conn)
		read, write error
	}{
		{"own Close", func(a, _ *memnet.Conn) { a.Close() }, net.ErrClosed, net.ErrClosed},
		{"own Abort", func(a, _ *memnet.Conn) { a.Abort() }, net.ErrClosed, net.ErrClosed},
		{"own halves", func(a, _ *memnet.Conn) { a.CloseRead(); a.CloseWrite() }, io.EOF, syscall.EPIPE},
		{"peer Abort", func(_, b *memnet.Conn) { b.Abort() }, syscall.ECONNRESET, syscall.ECONNRESET},
		{"peer Close unread", func(_, b *memnet.Conn) { b.Close() }, syscall.ECONNRESET, syscall.ECONNRESET},
		{"peer halves", func(_, b *memnet.Conn) { b.CloseWrite(); b.CloseRead() }, io.EOF, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := pipe(t, 4)
				go wantRead(t, a, "", tt.read)
				n := 4
				if tt.write == nil {
					n = 8
				}
				for range 2 { // the second waits for its turn
					go func() {
						got, err := a.Write([]byte("blocked!"))
						if got != n && got != 0 {
							t.Errorf("Write = %d, %v", got, err)
						}
						wantErr(t, "Write", err, tt.write)
					}()
				}
				synctest.Wait()
				time.Sleep(time.Hour)
				tt.end(a, b)
				// the bubble fails if one still blocks at its end
				synctest.Wait()
			})
		})
	}
}
