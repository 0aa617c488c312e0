package httpx_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// largeFile returns the name of a file, and what it has.
func largeFile(t *testing.T, size int) (name string, data []byte) {
	data = make([]byte, size)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	name = filepath.Join(t.TempDir(), "file.bin")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatalf("os.WriteFile: %v", err)
	}
	return name, data
}

// TestFileServer checks that large files and parts of them come whole, to many
// clients at once, as from net/http's server.
func TestFileServer(t *testing.T) {
	name, data := largeFile(t, 5<<20+17)
	files := http.FileServer(http.Dir(filepath.Dir(name)))
	other := httptest.NewServer(files)
	defer other.Close()
	serve(t, &httpx.Server{Handler: files}, func(addr string) {
		var all sync.WaitGroup
		defer all.Wait()
		web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for _, part := range []string{"", "bytes=0-", "bytes=1-3000000", "bytes=-2000000", "bytes=100-200", "bytes=0-499999,1000000-1600000", "bytes=9999999-"} {
			for _, method := range []string{"GET", "HEAD"} {
				all.Go(func() {
					get := func(base string) (*http.Response, []byte) {
						req, err := http.NewRequest(method, base+"/file.bin", nil)
						if err != nil {
							t.Errorf("http.NewRequest: %v", err)
						}
						if part != "" {
							req.Header.Set("Range", part)
						}
						resp, err := web.Do(req)
						if err != nil {
							t.Errorf("web.Do: %v", err)
							return new(http.Response), nil
						}
						defer resp.Body.Close()
						body, err := io.ReadAll(resp.Body)
						if err != nil {
							t.Errorf("%s %s: %v", method, part, err)
						}
						return resp, body
					}
					want, wantBody := get(other.URL)
					got, gotBody := get("http://" + addr)
					if got.StatusCode != want.StatusCode || got.ContentLength != want.ContentLength {
						t.Errorf("%s %s: %d, length %d; net/http has %d, %d", method, part, got.StatusCode, got.ContentLength, want.StatusCode, want.ContentLength)
					}
					// multipart has a random boundary
					if !bytes.Contains(wantBody, []byte("Content-Range")) && !bytes.Equal(gotBody, wantBody) {
						t.Errorf("%s %s: other bytes than from net/http", method, part)
					}
					if part == "" && method == "GET" && !bytes.Equal(gotBody, data) {
						t.Error("other bytes than the file's")
					}
				})
			}
		}
	})
}

// TestFileParts checks what a handler may do around the copying of a file.
func TestFileParts(t *testing.T) {
	const size = 1<<20 + 17
	name, data := largeFile(t, size)
	for _, c := range []struct {
		name   string
		length string
		write  func(w http.ResponseWriter, f *os.File) error
		want   []byte
	}{
		{"behind a Write", "", func(w http.ResponseWriter, f *os.File) error {
			io.WriteString(w, "abc")
			_, err := io.Copy(w, f)
			return err
		}, append([]byte("abc"), data...)},
		{"between Writes", "1048599", func(w http.ResponseWriter, f *os.File) error {
			io.WriteString(w, "abc")
			if _, err := io.Copy(w, f); err != nil {
				return err
			}
			_, err := io.WriteString(w, "def")
			return err
		}, append(append([]byte("abc"), data...), "def"...)},
		{"in two parts", "1048593", func(w http.ResponseWriter, f *os.File) error {
			if n, err := io.CopyN(w, f, 500000); n != 500000 || err != nil {
				return err
			}
			_, err := io.Copy(w, f)
			return err
		}, data},
		{"beyond the length", "1000000", func(w http.ResponseWriter, f *os.File) error {
			if _, err := io.Copy(w, f); !errors.Is(err, http.ErrContentLength) {
				return err
			}
			return nil
		}, data[:1000000]},
		{"with a deadline", "1048593", func(w http.ResponseWriter, f *os.File) error {
			http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute))
			_, err := io.Copy(w, f)
			return err
		}, data},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &httpx.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				f, err := os.Open(name)
				if err != nil {
					t.Errorf("os.Open: %v", err)
					return
				}
				defer f.Close()
				if c.length != "" {
					w.Header().Set("Content-Length", c.length)
				}
				if err := c.write(w, f); err != nil {
					t.Errorf("c.write: %v", err)
				}
			})}
			serve(t, s, func(addr string) {
				conn := dialRaw(t, addr)
				defer conn.Close()
				for range 3 { // the connection goes on
					conn.say(getOf("/"))
					if resp, got := conn.response("GET"); got != string(c.want) || resp.Close {
						t.Errorf("%d bytes, want %d, close %v", len(got), len(c.want), resp.Close)
					}
				}
			})
		})
	}
}

// TestFileCut checks that a file that is being sent to a client that does not
// read is closed when the client leaves, the server closes, or a timeout or a
// deadline passes.
func TestFileCut(t *testing.T) {
	name, _ := largeFile(t, 32<<20)
	for what, k := range map[string]struct {
		timeout time.Duration
		cut     func(s *httpx.Server, c raw, rc *http.ResponseController)
		want    error
	}{
		"client leaves":  {-1, func(_ *httpx.Server, c raw, _ *http.ResponseController) { c.Close() }, aio.ErrConn},
		"server closes":  {-1, func(s *httpx.Server, _ raw, _ *http.ResponseController) { s.Close() }, nil},
		"write timeout":  {50 * time.Millisecond, func(*httpx.Server, raw, *http.ResponseController) {}, aio.ErrTimeout},
		"write deadline": {-1, func(_ *httpx.Server, _ raw, rc *http.ResponseController) { rc.SetWriteDeadline(time.Now()) }, os.ErrDeadlineExceeded},
	} {
		t.Run(what, func(t *testing.T) {
			controls := make(chan *http.ResponseController, 1)
			copied := make(chan error, 1)
			s := &httpx.Server{WriteTimeout: k.timeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				f, err := os.Open(name)
				if err != nil {
					t.Errorf("os.Open: %v", err)
					return
				}
				defer f.Close()
				w.Header().Set("Content-Length", "33554432")
				controls <- http.NewResponseController(w)
				n, err := io.Copy(w, f)
				if n == 32<<20 || err == nil {
					t.Errorf("copied %d, %v", n, err)
				}
				copied <- err
				if _, err := io.WriteString(w, "more"); err == nil {
					t.Error("Write goes on")
				}
			})}
			l := &aio.Loop{OnEvent: func(aio.Event) {}}
			serveLoop(t, l, s, func(addr string) {
				c := dialRaw(t, addr)
				defer c.Close()
				c.say(getOf("/"))
				if _, err := io.ReadFull(c, make([]byte, 64<<10)); err != nil {
					t.Fatalf("io.ReadFull: %v", err)
				}
				k.cut(s, c, <-controls)
				if err := <-copied; k.want != nil && !errors.Is(err, k.want) {
					t.Errorf("the copying ends with %v, want %v", err, k.want)
				}
			})
		})
	}
}
