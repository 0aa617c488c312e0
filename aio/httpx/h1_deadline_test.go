package httpx_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"goaio.example/aio/httpx"
)

// TestWriteDeadlineLetsGo checks that what a handler has given to a Write that
// failed by its deadline is its own again: the client gets nothing of what is
// there later.
func TestWriteDeadlineLetsGo(t *testing.T) {
	for name, write := range map[string]func(w http.ResponseWriter, p []byte) (int64, error){
		"Write": func(w http.ResponseWriter, p []byte) (int64, error) {
			n, err := w.Write(p)
			return int64(n), err
		},
		"ReadFrom": func(w http.ResponseWriter, p []byte) (int64, error) {
			// which has no WriteTo
			return w.(io.ReaderFrom).ReadFrom(io.MultiReader(bytes.NewReader(p)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &httpx.Server{WriteTimeout: -1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rc := http.NewResponseController(w)
				if err := rc.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
					t.Errorf("rc.SetWriteDeadline: %v", err)
				}
				p := bytes.Repeat([]byte("a"), 8<<20)
				if _, err := write(w, p); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: %v", name, err)
				}
				copy(p, bytes.Repeat([]byte("b"), len(p)))
				if _, err := w.Write([]byte("b")); err == nil {
					t.Error("Write goes on")
				}
				time.Sleep(5 * time.Second)
			})}
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				c.say(getOf("/"))
				time.Sleep(2 * time.Second)
				begun := time.Now()
				all, _ := io.ReadAll(c)
				if _, body, _ := bytes.Cut(all, []byte("\r\n\r\n")); bytes.Contains(body, []byte("b")) {
					t.Error("the client has what was written to the buffer later")
				}
				if took := time.Since(begun); took > time.Second {
					t.Errorf("the connection ends after %v", took)
				}
			})
		})
	}
}

// TestWriteDeadlineInBetween checks that a deadline that is set, put off, or
// taken back while a Write waits is kept to.
func TestWriteDeadlineInBetween(t *testing.T) {
	for _, k := range []struct {
		name        string
		first, then time.Duration // 0: none
		want        time.Duration // 0: the client reads at last
	}{
		{"set", 0, time.Second, 2 * time.Second},
		{"brought forward", time.Minute, time.Second, 2 * time.Second},
		{"put off", 2 * time.Second, 4 * time.Second, 5 * time.Second},
		{"taken back", 2 * time.Second, 0, 0},
		{"passed", time.Minute, -time.Second, time.Second},
	} {
		t.Run(k.name, func(t *testing.T) {
			after := func(d time.Duration) (by time.Time) {
				if d != 0 {
					by = time.Now().Add(d)
				}
				return by
			}
			s := &httpx.Server{WriteTimeout: -1, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				rc := http.NewResponseController(w)
				rc.SetWriteDeadline(after(k.first))
				go func() {
					time.Sleep(time.Second)
					rc.SetWriteDeadline(after(k.then))
				}()
				begun := time.Now()
				_, err := w.Write(make([]byte, 8<<20))
				took := time.Since(begun)
				if k.want == 0 {
					if err != nil || took < 10*time.Second {
						t.Errorf("%v after %v", err, took)
					}
				} else if !errors.Is(err, os.ErrDeadlineExceeded) || took != k.want {
					t.Errorf("%v after %v", err, took)
				}
			})}
			inH1Dial(t, s, func(t *testing.T, dial func() raw) {
				c := dial()
				defer c.Close()
				c.say(getOf("/"))
				time.Sleep(10 * time.Second)
				if k.want == 0 {
					if _, body := c.response("GET"); len(body) != 8<<20 {
						t.Errorf("%d bytes", len(body))
					}
				}
			})
		})
	}
}
