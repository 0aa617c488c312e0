package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// FuzzFraming checks that the callback is given the frames that Lines and the
// like have, and the same error, however the bytes are divided.
func FuzzFraming(f *testing.F) {
	f.Add([]byte("a\r\nbc\n\nabcd\r"), []byte{1, 2, 3}, []byte{}, uint8(0), uint16(3))
	f.Add([]byte("aaab--aab"), []byte{1}, []byte("aab"), uint8(1), uint16(1))
	f.Add([]byte("abcabcabd;"), []byte{4, 1}, []byte("abcabd"), uint8(1), uint16(3))
	f.Add([]byte("\x00\x02ab\x00\x00\x00\x05a"), []byte{1, 1, 1, 3}, []byte{}, uint8(3), uint16(5))
	f.Fuzz(func(t *testing.T, data, steps, delim []byte, kind uint8, limit uint16) {
		most := int(limit) + 1
		var framing tcp.Framing
		var ref frameRef
		switch kind %= 6; {
		case kind == 0:
			framing, ref = tcp.LineFraming(most), linesFraming(most).ref
		case kind == 1:
			if len(delim) == 0 || len(delim) > 100 {
				t.Skip()
			}
			framing, ref = tcp.DelimiterFraming(delim, most), delimitedFraming(delim, most).ref
		default:
			size := 1 << (kind - 2)
			framing, ref = tcp.LengthFraming(size, most), prefixedFraming(size, most).ref
		}
		want, wantErr := ref(data, io.EOF)
		got, err := framesInSteps(t, framing, data, steps)
		if !slices.Equal(got, want) || !isFrameErr(err, wantErr) {
			t.Errorf("%q in steps of %v\ngot  %q, %v\nwant %q, %v", data, steps, got, err, want, wantErr)
		}
	})
}

// frameRef is what a framing has to yield.
type frameRef func(data []byte, end error) (frames []string, err error)

// framesInSteps has a connection's handler be given data in parts of these
// sizes, over and over, and then the peer's end. It returns its frames, and
// with which condition it was closed.
func framesInSteps(t *testing.T, f tcp.Framing, data, steps []byte) (frames []string, err error) {
	t.Helper()
	closed := make(chan error, 1)
	h := f.Handler(tcp.Handler{
		Event:  func(*tcp.Conn, error) {},
		Closed: func(_ *tcp.Conn, err error) { closed <- err },
	}, func(_ *tcp.Conn, frame []byte) { frames = append(frames, string(frame)) })
	h.Data = inSteps(h.Data, steps)
	lerr := aio.Run(context.Background(), func(ctx context.Context) error {
		var network aiotest.Network
		ln, err := network.Listen("")
		if err != nil {
			return err
		}
		s := &tcp.Server{Handler: h}
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		defer s.StopAccepting()
		c, err := network.Dial("tcp", s.Addr().String())
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := io.Copy(c, bytes.NewReader(data)); err != nil && !errors.Is(err, aio.ErrReset) {
			t.Log(err) // the handler has had enough
		}
		c.(aiotest.Conn).CloseWrite() // fails if it has been reset
		err = soon(t, closed)
		closed <- err
		return nil
	})
	if lerr != nil {
		t.Error(lerr)
	}
	return frames, <-closed
}

// inSteps gives a callback its data in parts, which are gone after each call.
func inSteps(to func(*tcp.Conn, []byte), steps []byte) func(*tcp.Conn, []byte) {
	at := 0
	return func(c *tcp.Conn, data []byte) {
		for len(data) > 0 {
			n := len(data)
			if len(steps) > 0 {
				n = min(n, int(steps[at%len(steps)])+1)
				at++
			}
			part := bytes.Clone(data[:n])
			to(c, part)
			clear(part)
			data = data[n:]
		}
	}
}
