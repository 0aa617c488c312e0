package tcp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

var (
	byLine   = tcp.LineFraming(100)
	bySemi   = tcp.DelimiterFraming([]byte(";;"), 100)
	byLength = tcp.LengthFraming(2, 1000)
)

// prefixed returns frames for byLength.
func prefixed(payloads ...string) string {
	var b []byte
	for _, p := range payloads {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...)
	}
	return string(b)
}

// The callback is given the frames, however they arrive, then the peer's end.
func TestFraming(t *testing.T) {
	for name, tt := range map[string]struct {
		f    tcp.Framing
		data string
		want []string
	}{
		"lines":           {byLine, "one\ntwo\r\n\n\r\nthree\r\n", []string{"one", "two", "", "", "three", "(EOF)"}},
		"last line":       {byLine, "one\nlast", []string{"one", "last", "(EOF)"}},
		"last line, CR":   {byLine, "one\nlast\r", []string{"one", "last", "(EOF)"}},
		"no last line":    {byLine, "one\n\r", []string{"one", "(EOF)"}},
		"delimiters":      {bySemi, "one;;;;two;;;three;;", []string{"one", "", "two", ";three", "(EOF)"}},
		"length prefixes": {byLength, prefixed("one", "", "two", strings.Repeat("x", 300)), []string{"one", "", "two", strings.Repeat("x", 300), "(EOF)"}},
		"nothing":         {byLine, "", []string{"(EOF)"}},
	} {
		t.Run(name, func(t *testing.T) {
			overAll(t, func(w *world) {
				for _, step := range []int{1, 2, 5, len(tt.data) + 1} {
					p := newFrameTape(w)
					client := w.serve(p.handler(tt.f, nil))
					for part := range slices.Chunk([]byte(tt.data), step) {
						client.Send(part)
					}
					client.CloseWrite()
					p.want(nil, tt.want...)
					client.Close()
				}
			})
		})
	}
}

// A frame that is too long ends the connection, as soon as that is certain.
func TestFramingTooLong(t *testing.T) {
	for name, tt := range map[string]struct {
		f    tcp.Framing
		data string
	}{
		"line":      {tcp.LineFraming(3), "one\nfour"},
		"delimiter": {tcp.DelimiterFraming([]byte(";;"), 3), "one;;four"},
		"length":    {tcp.LengthFraming(2, 3), prefixed("one") + "\x00\x04"},
	} {
		t.Run(name, func(t *testing.T) {
			overAll(t, func(w *world) {
				for _, step := range []int{1, len(tt.data)} {
					p := newFrameTape(w)
					client := w.serve(p.handler(tt.f, nil))
					for part := range slices.Chunk([]byte(tt.data), step) {
						client.Send(part)
					}
					err := soon(w, p.closed)
					var cond *aio.ConnError
					if !errors.As(err, &cond) || cond.Op != "read" || !errors.Is(err, aio.ErrConn) {
						w.Errorf("closed with %v (%T)", err, err)
					}
					p.closed <- err
					p.want(tcp.ErrFrameTooLong, "one", "(too long)")
					client.Close()
				}
			})
		})
	}
}

// The peer's end within a frame is a condition, and no EOF.
func TestFramingCutShort(t *testing.T) {
	for name, tt := range map[string]struct {
		f    tcp.Framing
		data string
	}{
		"delimiter": {bySemi, "one;;tw;"},
		"prefix":    {byLength, prefixed("one") + "\x00"},
		"length":    {byLength, prefixed("one", "three")[:9]},
	} {
		t.Run(name, func(t *testing.T) {
			overAll(t, func(w *world) {
				for _, halfOpen := range []bool{false, true} {
					p := newFrameTape(w)
					h := p.handler(tt.f, nil)
					h.HalfOpen = halfOpen
					client := w.serve(h)
					client.SendString(tt.data)
					client.CloseWrite()
					p.want(errFrameCut, "one", "(cut short)")
					client.Close()
				}
			})
		})
	}
}

// An invalid framing ends the connection when data arrives.
func TestFramingArguments(t *testing.T) {
	for want, f := range map[string]tcp.Framing{
		"tcp: LineFraming: the maximum is 0 bytes, must be positive":        tcp.LineFraming(0),
		"tcp: DelimiterFraming: the maximum is -1 bytes, must be positive":  tcp.DelimiterFraming([]byte("x"), -1),
		"tcp: DelimiterFraming: the delimiter is empty":                     tcp.DelimiterFraming(nil, 9),
		"tcp: LengthFraming: the maximum is 0 bytes, must be positive":      tcp.LengthFraming(4, 0),
		"tcp: the size of a length prefix is 3 bytes, must be 1, 2, 4 or 8": tcp.LengthFraming(3, 9),
		"tcp: the zero Framing has no frames":                               {},
	} {
		t.Run(want, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				p := newFrameTape(w)
				client := w.serve(p.handler(f, nil))
				client.SendString("\x00\x00\x00\x01")
				err := soon(w, p.closed)
				if !strings.HasSuffix(fmt.Sprint(err), ": "+want) {
					w.Errorf("waiting for p.closed: %v", err)
				}
				client.Close()
			})
		})
	}
}

// The delimiter belongs to the framing.
func TestFramingKeepsDelimiter(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		delim := []byte(";")
		p := newFrameTape(w)
		h := p.handler(tcp.DelimiterFraming(delim, 10), nil)
		delim[0] = 'n'
		client := w.serve(h)
		client.SendString("one;")
		client.CloseWrite()
		p.want(nil, "one", "(EOF)")
		client.Close()
	})
}

// Frames are parts of the arrived data, and appending to one cannot overwrite
// what follows.
func TestFramingFrames(t *testing.T) {
	for name, tt := range map[string]struct {
		f    tcp.Framing
		data string
	}{
		"lines": {byLine, "a\nb\n\nc\n"}, "delimiters": {bySemi, "a;;b;;;;c;;"}, "lengths": {byLength, prefixed("a", "b", "", "c")},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				var got []string
				data := []byte(tt.data)
				h := tt.f.Handler(tcp.Handler{}, func(_ *tcp.Conn, frame []byte) {
					if frame == nil || cap(frame) != len(frame) {
						w.Errorf("a frame of len %d, cap %d, nil: %v", len(frame), cap(frame), frame == nil)
					}
					if len(frame) > 0 && &frame[0] != &data[bytes.Index(data, frame)] {
						w.Errorf("%q is copied", frame)
					}
					got = append(got, string(frame))
				})
				client := w.serve(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) { h.Data(c, data) }})
				client.SendString("x")
				synctest.Wait()
				if want := []string{"a", "b", "", "c"}; !slices.Equal(got, want) {
					w.Errorf("%q", got)
				}
				client.Close()
			})
		})
	}
}

// Without a callback frames are looked at, and dropped.
func TestFramingWithoutCallback(t *testing.T) {
	overAll(t, func(w *world) {
		p := newFrameTape(w)
		client := w.serve(byLine.Handler(p.conditions(), nil))
		client.SendString("one\ntwo\nlast")
		client.CloseWrite()
		p.want(nil, "(EOF)")
		client.Close()
		p = newFrameTape(w)
		client = w.serve(tcp.LineFraming(1).Handler(p.conditions(), nil))
		client.SendString("a\nbb\n")
		p.want(tcp.ErrFrameTooLong, "(too long)")
		client.Close()
	})
}

// Of an incomplete frame the arrived part is kept, whatever its prefix claims,
// and nothing once the frame is complete. One Handler serves many connections.
func TestFramingMemory(t *testing.T) {
	const long, step = 1 << 20, 10_000
	overAll(t, func(w *world) {
		p := newFrameTape(w)
		p.conn, p.closed = make(chan *tcp.Conn, 2), make(chan error, 2)
		addr := w.start(&tcp.Server{Handler: tcp.LengthFraming(4, 1<<30).Handler(p.conditions(), func(c *tcp.Conn, frame []byte) {
			wantNumbers(w, frame, 0)
			p.note(fmt.Sprint(len(frame)))
		})})
		claim := w.dial(addr)
		claim.SendString("\x3f\xff\xff\xffx")
		claimed := soon(w, p.conn)
		wantKept(w, claimed, 5)
		if _, memory := tcp.KeptFrame(claimed); memory > 64 {
			w.Errorf("%d bytes are held", memory)
		}
		client := w.dial(addr)
		server := soon(w, p.conn)
		frame := frames(long)
		for sent := 0; sent < len(frame); sent += step {
			client.Write(frame[sent:min(len(frame), sent+step)])
			if n, memory := tcp.KeptFrame(server); memory > max(2*n, 64) {
				w.Fatalf("%d bytes are held for %d", memory, n)
			}
		}
		p.wantNow(fmt.Sprint(long))
		aiotest.Eventually(w, func() bool { _, memory := tcp.KeptFrame(server); return memory == 0 })
		client.Close()
		claim.Abort()
		claimed.Close()
	})
}

// A connection whose frames come whole costs nothing more.
func TestFramingIdle(t *testing.T) {
	overAll(t, func(w *world) {
		p := newFrameTape(w)
		client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) { c.SendString(line) }))
		server := soon(w, p.conn)
		had := tcp.HasExtra(server)
		client.SendString("one\n")
		wantRead(w, client, "one")
		client.SendString("two\n")
		wantRead(w, client, "two")
		if tcp.HasExtra(server) != had {
			w.Error("the connection has extra state")
		}
		client.Close()
		p.want(nil, "one", "two", "(EOF)")
	})
}

// A part of a frame keeps a connection from ending while the loop drains. The
// program's SetBusy is another thing.
func TestFramingDrain(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		p := newFrameTape(w)
		client := w.serve(p.handler(byLine, func(c *tcp.Conn, line string) {
			c.SetBusy(line != "end") // before the test goes on
			c.SendString(line + ".")
		}))
		server := <-p.conn
		client.SendString("whole\nha")
		synctest.Wait()
		server.SetBusy(false)
		w.loop.Exit(nil)
		time.Sleep(10 * time.Second)
		client.SendString("lf\n") // SetBusy holds from now on
		wantRead(w, client, "whole.half.")
		time.Sleep(10 * time.Second)
		client.SendString("end\nh")
		wantRead(w, client, "end.")
		time.Sleep(10 * time.Second)
		client.SendString("\n")
		wantRead(w, client, "h.")
		server.SetBusy(false)
		begin := time.Now()
		wantEOF(w, client)
		if d := time.Since(begin); d > time.Millisecond {
			w.Errorf("the connection ended %v after its last frame", d)
		}
		p.want(nil, "whole", "half", "end", "h")
		client.Close()
	})
}

// A Data that wraps a framing's, and changes between two, loses nothing.
func TestFramingChanges(t *testing.T) {
	overAll(t, func(w *world) {
		p := newFrameTape(w)
		var text bool
		lines := p.handler(byLine, func(_ *tcp.Conn, line string) { text = text || line == "text" })
		texts := p.handler(bySemi, nil)
		h := lines
		h.Data = func(c *tcp.Conn, data []byte) {
			if text {
				texts.Data(c, data)
			} else {
				lines.Data(c, data)
			}
		}
		client := w.serve(h)
		server := soon(w, p.conn)
		client.SendString("a\ntext\nb\nc;;d")
		wantKept(w, server, 4) // as another line
		client.SendString(";;e;;")
		p.wantNow("a", "text", "b", "c", "d", "e")
		client.Close()
		soon(w, p.closed)
	})
}

// Bytes are put together across frames and reads of all sizes.
func TestFramingStream(t *testing.T) {
	const count, size = 300, 3001
	overAll(t, func(w *world) {
		done := make(chan error, 1)
		got := 0
		h := tcp.LengthFraming(4, 1<<20).Handler(tcp.Handler{Closed: func(_ *tcp.Conn, err error) { done <- err }},
			func(_ *tcp.Conn, frame []byte) {
				if len(frame) != got*size%70_001 {
					w.Errorf("frame %d has %d bytes", got, len(frame))
				}
				wantNumbers(w, frame, 0)
				got++
			})
		client := w.serve(h)
		var data bytes.Buffer
		for i := range count {
			data.Write(frames(i * size % 70_001))
		}
		client.Write(data.Bytes())
		client.CloseWrite()
		if err := soon(w, done); err != nil || got != count {
			w.Errorf("%d frames, %v", got, err)
		}
		client.Close()
	})
}
