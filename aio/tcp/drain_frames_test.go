package tcp_test

import (
	"bufio"
	"io"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// framings are the sequences of frames, with a frame each.
var framings = map[string]struct {
	frames func(r io.Reader) iter.Seq2[[]byte, error]
	frame  string
}{
	"Lines":          {func(r io.Reader) iter.Seq2[[]byte, error] { return tcp.Lines(r, 100) }, "frame\r\n"},
	"Delimited":      {func(r io.Reader) iter.Seq2[[]byte, error] { return tcp.Delimited(r, []byte("--"), 100) }, "frame--"},
	"LengthPrefixed": {func(r io.Reader) iter.Seq2[[]byte, error] { return tcp.LengthPrefixed(r, 4, 100) }, "\x00\x00\x00\x05frame"},
}

// eachFraming runs a test with each framing over the in-memory transports. The
// server says what it has read, and sends how that has ended.
func eachFraming(t *testing.T, wrap func(c *tcp.Conn) io.Reader, test func(w *world, client *tcp.Conn, frame string, ended chan error)) {
	for name, f := range framings {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, slowLoop, func(w *world) {
				client, ended := streams(w, func(c *tcp.Conn) error {
					for frame, err := range f.frames(wrap(c)) {
						if err != nil {
							return err
						}
						c.Write(frame)
					}
					return nil
				})
				client.SendString(f.frame)
				wantRead(w, client, "frame")
				test(w, client, f.frame, ended)
				client.Close()
			})
		})
	}
}

// itself is the connection as a reader.
func itself(c *tcp.Conn) io.Reader { return c }

// A frame that has come in part when the loop drains, however much it is, is
// read to its end, and none after it.
func TestDrainReadsFrame(t *testing.T) {
	eachFraming(t, itself, func(w *world, client *tcp.Conn, frame string, ended chan error) {
		client.SendString(frame[:1])
		synctest.Wait()
		w.loop.Exit(nil)
		for i := 1; i < len(frame); i++ {
			time.Sleep(time.Second)
			client.SendString(frame[i : i+1])
		}
		wantRead(w, client, "frame")
		begin := time.Now()
		wantExit(w, soon(w, ended))
		if d := time.Since(begin); d > 10*time.Millisecond {
			w.Errorf("Read has waited for %v", d)
		}
	})
}

// Between two frames nothing holds the drain off.
func TestDrainReadsBetweenFrames(t *testing.T) {
	eachFraming(t, itself, func(w *world, client *tcp.Conn, frame string, ended chan error) {
		client.SendString(frame[:3])
		synctest.Wait()
		client.SendString(frame[3:] + frame)
		wantRead(w, client, "frameframe")
		synctest.Wait()
		begin := time.Now()
		w.loop.Exit(nil)
		wantExit(w, soon(w, ended))
		if d := time.Since(begin); d > 10*time.Millisecond {
			w.Errorf("Read has waited for %v", d)
		}
	})
}

// A reader of the program's, whose buffer is not known, is not waited
// for.
func TestDrainReadsFrameOfReader(t *testing.T) {
	wrap := func(c *tcp.Conn) io.Reader { return bufio.NewReader(c) }
	eachFraming(t, wrap, func(w *world, client *tcp.Conn, frame string, ended chan error) {
		client.SendString(frame[:3])
		synctest.Wait()
		w.loop.Exit(nil)
		<-aio.Draining(w.ctx)
		wantExit(w, soon(w, ended))
	})
}
