package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// ReadFrom takes files, parts of them, other connections and any reader.
func TestReadFrom(t *testing.T) {
	const size = 3<<20 + 17
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, numbers(size), 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
	overStreams(t, func(w *world) {
		file, err := os.Open(name)
		if err != nil {
			w.Fatalf("os.Open: %v", err)
		}
		defer file.Close()
		for what, r := range map[string]io.Reader{
			"file":    file,
			"reader":  bytes.NewReader(numbers(size)),
			"limited": io.LimitReader(&cycle{}, size),
		} {
			file.Seek(0, io.SeekStart)
			client, server := w.pair()
			f := aio.Go(w.ctx, "copy", func(context.Context) (int64, error) {
				client.SendString("before ")
				n, err := client.ReadFrom(r)
				client.SendString(" behind")
				return n, err
			})
			wantRead(w, server, "before ")
			got := make([]byte, size)
			if _, err := io.ReadFull(server, got); err != nil {
				w.Fatalf("io.ReadFull: %v", err)
			}
			wantNumbers(w, got, 0)
			wantRead(w, server, " behind")
			if n, err := f.Await(w.ctx); n != size || err != nil {
				w.Errorf("%s: copied %d, %v", what, n, err)
			}
			if n := client.Stats().BytesOut; n < size+14 {
				w.Errorf("%s: %d bytes counted", what, n)
			}
			file.Seek(100, io.SeekStart)
			part := &io.LimitedReader{R: file, N: 1000}
			if n, err := io.Copy(client, part); n != 1000 || err != nil || part.N != 0 {
				w.Errorf("part of a file: %d, %v, %d left", n, err, part.N)
			}
			got = got[:1000]
			io.ReadFull(server, got)
			wantNumbers(w, got, 100)
			client.Close()
			server.Close()
		}
	})
}

// cycle reads as numbers.
type cycle struct{ at int }

func (c *cycle) Read(p []byte) (int, error) {
	p = p[:min(len(p), 5000)]
	copy(p, numbersFrom(c.at, len(p)))
	c.at += len(p)
	return len(p), nil
}

// An error of the reader or writer that is copied from or to comes as it is,
// one of the connection's as a ConnError.
func TestCopyErrors(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		bad := errors.New("bad reader")
		n, err := client.ReadFrom(io.MultiReader(strings.NewReader("some"), badReader{bad}))
		if n != 4 || err != bad {
			w.Errorf("ReadFrom: %d, %v", n, err)
		}
		n, err = server.WriteTo(badWriter{bad})
		if n != 0 || err != bad {
			w.Errorf("WriteTo: %d, %v", n, err)
		}
		client.Close()
		closed, err := os.Open(os.DevNull)
		if err != nil {
			w.Fatalf("os.Open: %v", err)
		}
		closed.Close()
		var conn *aio.ConnError
		if _, err := server.ReadFrom(closed); !errors.Is(err, os.ErrClosed) || errors.As(err, &conn) {
			w.Errorf("from a closed file: %v (%T)", err, err)
		}
		_, err = client.ReadFrom(bytes.NewReader(numbers(10)))
		wantErr(w, err, aio.ErrClosed, "")
		server.Close()
	})
}

type badReader struct{ err error }

func (r badReader) Read([]byte) (int, error) { return 0, r.err }

type badWriter struct{ err error }

func (w badWriter) Write([]byte) (int, error) { return 0, w.err }

// A proxy: io.Copy both ways between connections.
func TestCopyBetweenConns(t *testing.T) {
	overAll(t, func(w *world) {
		const size = 2 << 20
		echoAddr := w.start(&tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
			_, err := io.Copy(c, c)
			return err
		}})
		c := w.dial(w.start(&tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
			out, err := w.dialer.Dial(ctx, echoAddr).Await(ctx)
			if err != nil {
				return err
			}
			defer out.Close()
			return aio.Scope(ctx, "proxy", func(ctx context.Context) error {
				for _, pair := range [][2]*tcp.Conn{{out, c}, {c, out}} {
					aio.Spawn(ctx, "copy", func(context.Context) error {
						_, err := io.Copy(pair[0], pair[1])
						pair[0].CloseWrite()
						return err
					})
				}
				return nil
			})
		}}))
		aio.Spawn(w.ctx, "writer", func(context.Context) error {
			_, err := c.Write(numbers(size))
			c.CloseWrite()
			return err
		})
		got, err := io.ReadAll(c)
		if err != nil || len(got) != size {
			w.Errorf("read %d bytes, %v", len(got), err)
		}
		wantNumbers(w, got, 0)
		c.Close()
	})
}

// Concurrent Writes do not mix, even where TLS splits them.
func TestWritesDoNotMix(t *testing.T) {
	overStreams(t, func(w *world) {
		const size, each = 100_000, 5
		client, server := w.pair()
		var wg sync.WaitGroup
		for i := range byte(4) {
			wg.Go(func() {
				for range each {
					if _, err := client.Write(bytes.Repeat([]byte{i}, size)); err != nil {
						w.Errorf("client.Write: %v", err)
					}
				}
			})
		}
		aio.Spawn(w.ctx, "end", func(context.Context) error {
			wg.Wait()
			return client.CloseWrite()
		})
		buf := make([]byte, size)
		for range 4 * each {
			if _, err := io.ReadFull(server, buf); err != nil {
				w.Fatalf("io.ReadFull: %v", err)
			}
			if bytes.Count(buf, buf[:1]) != size {
				w.Error("a Write was torn apart")
			}
		}
		wantEOF(w, server)
		client.Close()
		server.Close()
	})
}

// Chunks is what arrives, for select.
func TestChunks(t *testing.T) {
	overStreams(t, func(w *world) {
		const size = 1 << 20
		client, server := w.pair()
		aio.Spawn(w.ctx, "writer", func(context.Context) error {
			_, err := client.Write(numbers(size))
			client.CloseWrite()
			return err
		})
		got := 0
		for data := range server.Chunks(w.ctx) {
			wantNumbers(w, data, got)
			if len(data) == 0 || len(data) > 32<<10 {
				w.Errorf("a chunk of %d bytes", len(data))
			}
			got += len(data)
		}
		if got != size || server.Err() != nil {
			w.Errorf("%d bytes, %v", got, server.Err())
		}
		client.Close()
		server.Close()
	})
}

// When ctx ends, the channel is closed, and data that was not received can
// still be read.
func TestChunksCancelled(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		cause := errors.New("enough")
		got := 0
		for range 20 {
			ctx, cancel := context.WithCancelCause(w.ctx)
			ch := server.Chunks(ctx)
			client.Send(numbersFrom(got, 7000))
			data := soon(w, ch)
			wantNumbers(w, data, got)
			got += len(data)
			cancel(cause)
			for data := range ch {
				wantNumbers(w, data, got)
				got += len(data)
			}
			if err := server.Err(); err != cause {
				w.Fatalf("Err: %v", err)
			}
			rest := make([]byte, 7000-got%7000)
			if got%7000 != 0 {
				if _, err := io.ReadFull(server, rest); err != nil {
					w.Fatalf("io.ReadFull: %v", err)
				}
				wantNumbers(w, rest, got)
				got += len(rest)
			}
		}
		ctx, cancel := context.WithCancel(w.ctx)
		ch := server.Chunks(ctx)
		cancel()
		for range ch {
			w.Error("received from nothing")
		}
		client.Close()
		server.Close()
	})
}

// Chunks fails at once with a handler, without a loop, and ends with the
// connection.
func TestChunksErrors(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		drainChunks(server.Chunks(context.Background()))
		if err := server.Err(); !errors.Is(err, aio.ErrNoLoop) {
			w.Errorf("without a loop: %v", err)
		}
		client.SetHandler(tcp.Handler{HalfOpen: true, Event: func(*tcp.Conn, error) {}})
		drainChunks(client.Chunks(w.ctx))
		wantErr(w, client.Err(), aio.ErrConn, "read")
		ch := server.Chunks(w.ctx)
		client.SendString("x")
		if got := soon(w, ch); string(got) != "x" {
			w.Errorf("%q", got)
		}
		server.Close()
		if _, ok := <-ch; ok {
			w.Error("received after Close")
		}
		wantErr(w, server.Err(), aio.ErrClosed, "")
		client.Close()
	})
}

// Framing over connections: whole, cut short, too long.
func TestFramesOverConn(t *testing.T) {
	overStreams(t, func(w *world) {
		for _, tt := range []struct {
			name   string
			sent   []byte
			frames int
			err    error
		}{
			{"whole", frames(10, 100, 1000), 3, nil},
			{"cut in the prefix", append(frames(10), 0, 0), 1, io.ErrUnexpectedEOF},
			{"cut in the frame", append(frames(10), 0, 0, 0, 5, 'a'), 1, io.ErrUnexpectedEOF},
			{"too long", append(frames(10), 0, 0, 4, 1), 1, tcp.ErrFrameTooLong},
		} {
			client, server := w.pair()
			for i := range tt.sent { // as many reads
				if i < 20 {
					client.Send(tt.sent[i : i+1])
				}
			}
			client.Send(tt.sent[min(20, len(tt.sent)):])
			client.CloseWrite()
			n := 0
			var last error
			for frame, err := range tcp.LengthPrefixed(server, 4, 1024) {
				if last = err; err == nil {
					n++
					wantNumbers(w, frame, 0)
				}
			}
			if n != tt.frames || !errors.Is(last, tt.err) {
				w.Errorf("%s: %d frames, %v; want %d, %v", tt.name, n, last, tt.frames, tt.err)
			}
			client.Close()
			server.Close()
		}
		client, server := w.pair()
		client.SendString("half of a li")
		aio.Spawn(w.ctx, "abort", func(context.Context) error {
			aiotest.Eventually(w, func() bool { return server.Stats().BytesIn > 0 })
			return client.Abort()
		})
		for _, err := range tcp.Delimited(server, []byte("\r\n"), 100) {
			if !errors.Is(err, aio.ErrReset) && w.transport != "unix" {
				w.Errorf("after a reset: %v", err)
			}
		}
		server.Close()
	})
}

// frames has numbers of these sizes as frames.
func frames(sizes ...int) (out []byte) {
	for _, n := range sizes {
		out, _ = tcp.AppendLengthPrefixed(out, 4, numbers(n))
	}
	return out
}

// Data that was read ahead comes first, for any reader.
func TestUnread(t *testing.T) {
	overAll(t, func(w *world) {
		client, server := w.pair()
		client.SendString("tail")
		server.Unread([]byte("head "))
		wantRead(w, server, "head tail")
		p := newTape(w)
		server.SetHandler(p.handler(tcp.Handler{}))
		server.Unread([]byte("again "))
		p.wantData("again ")
		client.SendString("and on")
		p.wantData("again and on")
		client.Close()
		aiotest.Eventually(w, func() bool { return len(p.closed) == 1 })
		server.Unread([]byte("too late"))
	})
}
