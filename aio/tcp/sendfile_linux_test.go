package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// numbersFile returns a file with numbers.
func numbersFile(t *testing.T, size int) *os.File {
	f := holeFile(t, 0)
	if _, err := f.Write(numbers(size)); err != nil {
		t.Fatalf("f.Write: %v", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatalf("f.Seek: %v", err)
	}
	return f
}

// holeFile returns a file of zeros, which takes no time to write.
func holeFile(t *testing.T, size int) *os.File {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatalf("os.Create: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(int64(size)); err != nil {
		t.Fatalf("f.Truncate: %v", err)
	}
	return f
}

// sending calls test with a connection of handler style that writes a file,
// which file makes, and with its peer, over each socket without TLS.
func sending(t *testing.T, file func(t *testing.T, size int) *os.File, size int, test func(w *world, client, server *tcp.Conn, copied *aio.Future[int64])) {
	overAll(t, func(w *world) {
		if w.memory() || w.secure() {
			return
		}
		f := file(w.T, size)
		opened := make(chan *tcp.Conn, 1)
		client := w.serve(tcp.Handler{Open: func(c *tcp.Conn) { opened <- c }, Event: func(*tcp.Conn, error) {}})
		server := <-opened
		server.SetTimeouts(0, time.Minute)
		test(w, client, server, aio.Go(w.ctx, "copy", func(context.Context) (int64, error) {
			n, err := io.Copy(server, f)
			if !errors.Is(err, aio.ErrConn) {
				server.SendString(" behind").Await(w.ctx)
			}
			return n, err
		}))
		client.Close()
		server.Close()
	})
}

// TestSendfile checks that the kernel sends a file also on a connection of
// handler style and with a write timeout.
func TestSendfile(t *testing.T) {
	const size = 5<<20 + 17
	calls, restore := tcp.CountSendfile(nil)
	defer restore()
	sending(t, numbersFile, size, func(w *world, client, server *tcp.Conn, copied *aio.Future[int64]) {
		got := make([]byte, size)
		if _, err := io.ReadFull(client, got); err != nil {
			w.Fatalf("io.ReadFull: %v", err)
		}
		wantNumbers(w, got, 0)
		wantRead(w, client, " behind")
		if n, err := copied.Await(w.ctx); n != size || err != nil {
			w.Errorf("copied %d, %v", n, err)
		}
		if n := server.Stats().BytesOut; n != size+7 {
			w.Errorf("%d bytes counted", n)
		}
	})
	if calls.Load() < 4*(size>>20) { // over two transports by two engines
		t.Errorf("sendfile was called %d times", calls.Load())
	}
}

// TestSendfileUnfit checks that a file is copied that the kernel does not send,
// at first or after a part.
func TestSendfileUnfit(t *testing.T) {
	const size = 3<<20 + 17
	for from := 1; from < 4; from++ {
		for _, errno := range []syscall.Errno{syscall.EINVAL, syscall.EIO, syscall.EOVERFLOW} {
			_, restore := tcp.CountSendfile(func(call int) error {
				if call >= from {
					return errno
				}
				return nil
			})
			sending(t, numbersFile, size, func(w *world, client, _ *tcp.Conn, copied *aio.Future[int64]) {
				got := make([]byte, size)
				if _, err := io.ReadFull(client, got); err != nil {
					w.Fatalf("io.ReadFull: %v", err)
				}
				wantNumbers(w, got, 0)
				wantRead(w, client, " behind")
				if n, err := copied.Await(w.ctx); n != size || err != nil {
					w.Errorf("copied %d, %v", n, err)
				}
			})
			restore()
		}
	}
}

// TestSendfileFileFails checks that an error of the file comes as it is, and
// that the connection goes on.
func TestSendfileFileFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	overStreams(t, func(w *world) {
		closed, err := os.Create(name + w.transport)
		if err != nil {
			w.Fatalf("os.Create: %v", err)
		}
		closed.Close()
		unreadable, err := os.OpenFile(name+w.transport, os.O_WRONLY, 0)
		if err != nil {
			w.Fatalf("os.OpenFile: %v", err)
		}
		defer unreadable.Close()
		client, server := w.pair()
		for want, f := range map[error]*os.File{os.ErrClosed: closed, syscall.EBADF: unreadable} {
			var file *fs.PathError
			var conn *aio.ConnError
			if n, err := server.ReadFrom(f); n != 0 || !errors.Is(err, want) || !errors.As(err, &file) || errors.As(err, &conn) {
				w.Errorf("copied %d, %v (%T); want %v", n, err, err, want)
			}
		}
		server.SendString("goes on")
		wantRead(w, client, "goes on")
		client.Close()
		server.Close()
	})
}

// TestSendfileSlowDisk checks that a disk that is slow holds up neither the
// connection's alarm nor its end.
func TestSendfileSlowDisk(t *testing.T) {
	f := numbersFile(t, 1<<20)
	goOn := make(chan bool)
	var once sync.Once
	_, restore := tcp.CountSendfile(func(int) error { <-goOn; return nil })
	defer restore()
	defer once.Do(func() { close(goOn) })
	aiotest.RunLoop(t, &aio.Loop{OnEvent: func(aio.Event) {}}, func(ctx context.Context) error {
		opened := make(chan *tcp.Conn, 1)
		s := &tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) { opened <- c }, Event: func(*tcp.Conn, error) {}}}
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		client, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer client.Close()
		server := <-opened
		copied := aio.Go(ctx, "copy", func(context.Context) (int64, error) { return server.ReadFrom(f) })
		aiotest.Eventually(t, func() bool { return tcp.Lent(server) })
		server.SetTimeouts(0, time.Millisecond) // its alarm fires
		if err := timer.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
		server.Abort()
		io.ReadAll(client) // ends, though the disk has not answered
		once.Do(func() { close(goOn) })
		if _, err := copied.Await(ctx); err == nil {
			t.Error("the copying has no error")
		}
		s.Close()
		return nil
	})
}

// TestSendfileProc checks that files are whole that have no size.
func TestSendfileProc(t *testing.T) {
	const name = "/proc/version"
	want, err := os.ReadFile(name)
	if err != nil {
		t.Skip(err)
	}
	overStreams(t, func(w *world) {
		f, err := os.Open(name)
		if err != nil {
			w.Fatalf("os.Open: %v", err)
		}
		defer f.Close()
		client, server := w.pair()
		if n, err := server.ReadFrom(f); n != int64(len(want)) || err != nil {
			w.Errorf("copied %d, %v; want %d", n, err, len(want))
		}
		server.Close()
		if got, err := io.ReadAll(client); !bytes.Equal(got, want) || err != nil {
			w.Errorf("got %q, %v", got, err)
		}
		client.Close()
	})
}

// TestSendfileEnds checks that what ends a connection, or the deadline, ends
// the sending of a file to a peer that does not read.
func TestSendfileEnds(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(client, server *tcp.Conn)
		want error
	}{
		"peer resets":  {func(client, _ *tcp.Conn) { client.Abort() }, aio.ErrConn},
		"closed":       {func(_, server *tcp.Conn) { server.Close() }, aio.ErrClosed},
		"aborted":      {func(_, server *tcp.Conn) { server.Abort() }, aio.ErrClosed},
		"deadline":     {func(_, server *tcp.Conn) { server.SetWriteDeadline(time.Now()) }, os.ErrDeadlineExceeded},
		"idle timeout": {func(_, server *tcp.Conn) { server.SetTimeouts(0, time.Millisecond) }, tcp.ErrIdle},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, holeFile, 64<<20, func(w *world, client, server *tcp.Conn, copied *aio.Future[int64]) {
				if _, err := io.ReadFull(client, make([]byte, 1000)); err != nil {
					w.Fatalf("io.ReadFull: %v", err)
				}
				c.end(client, server)
				if n, err := copied.Await(w.ctx); n == 64<<20 || !errors.Is(err, c.want) {
					w.Errorf("copied %d, %v; want %v", n, err, c.want)
				}
			})
		})
	}
}

// TestSendfileReset checks that a handler is told of a reset, and of no end,
// also if the system has told sendfile of it, and reading meets what looks like
// the end before the connection knows that.
func TestSendfileReset(t *testing.T) {
	overPairs(t, func(t *testing.T, transport string) {
		if transport != "tcp" {
			return
		}
		f := holeFile(t, 64<<20)
		newWorld(t, transport).run(&aio.Loop{OnEvent: func(aio.Event) {}}, func(w *world) {
			p := newTape(w)
			// so that sendfile is told
			client := w.serve(p.handler(tcp.Handler{Open: func(c *tcp.Conn) { c.PauseReading() }}))
			server := soon(w, p.conn)
			defer tcp.AfterSendfile(func(err error) {
				if err != nil && !errors.Is(err, syscall.EAGAIN) {
					server.ResumeReading()
					aiotest.Eventually(w, func() bool { return tcp.AwaitsWriter(server) || len(p.events) > 0 })
				}
			})()
			copied := aio.Go(w.ctx, "copy", func(context.Context) (int64, error) { return server.ReadFrom(f) })
			if _, err := io.ReadFull(client, make([]byte, 1000)); err != nil {
				w.Fatalf("io.ReadFull: %v", err)
			}
			client.Abort()
			if _, err := copied.Await(w.ctx); !errors.Is(err, aio.ErrReset) {
				w.Errorf("sending a file to a peer that resets: %v, want %v", err, aio.ErrReset)
			}
			p.want(aio.ErrReset, "open", condition(aio.ErrReset), "closed")
		})
	})
}
