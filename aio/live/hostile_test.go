package live_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/live"
)

// A page within the loop that it shows shows the requests for itself, but no
// token, nor does the log.
func TestTokenIsNotShown(t *testing.T) {
	const token = "s3cret"
	var log bytes.Buffer
	loop := &aio.Loop{Grace: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	loop.OnEvent = aio.LogEvents
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		page := &live.Page{Loop: loop, Token: token}
		s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", page)
		if err != nil {
			return err
		}
		defer loop.Exit(nil)
		c := client(t, "")
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		res, err := c.Get(fmt.Sprintf("http://%s/?token=%s", s.Addr(), token))
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != 303 || len(res.Cookies()) != 1 {
			t.Fatalf("%s, cookies %v", res.Status, res.Cookies())
		}
		if res.Header.Get("Referrer-Policy") != "same-origin" || strings.Contains(res.Header.Get("Location"), token) {
			t.Errorf("the token may leak: %v", res.Header)
		}
		req, err := http.NewRequest("GET", fmt.Sprintf("http://%s/snapshot?token=%s", s.Addr(), token), nil)
		if err != nil {
			return err
		}
		req.AddCookie(res.Cookies()[0])
		if res, err = c.Do(req); err != nil {
			return err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			return err
		}
		if !strings.Contains(string(text), "GET /snapshot") || strings.Contains(string(text), token) {
			t.Errorf("the page has the token, or does not show its own request: %s", text)
		}
		var dump bytes.Buffer
		if err := loop.Dump(&dump); err != nil {
			t.Errorf("loop.Dump: %v", err)
		}
		if strings.Contains(dump.String(), token) {
			t.Error("Dump has the token")
		}
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	if strings.Contains(log.String(), token) {
		t.Errorf("the log has the token: %s", log.String())
	}
}

// stuckWriter is a client that reads nothing after its header: Write waits
// until the client goes.
type stuckWriter struct {
	sink
	writes int
	gone   <-chan struct{}
}

func (s *stuckWriter) Write([]byte) (int, error) {
	s.writes++
	<-s.gone
	return 0, errors.New("the client is gone")
}

// A client that does not read delays neither other watchers nor the loop's end.
func TestStuckClient(t *testing.T) {
	loop := new(aio.Loop)
	page := live.Handler(loop)
	synctest.Test(t, func(t *testing.T) {
		loop.Logger = quiet
		gone := make(chan struct{})
		stuck := &stuckWriter{sink: sink{header: http.Header{}}, gone: gone}
		wctx, leave := context.WithCancel(context.Background())
		var others []*sink
		var ended []<-chan struct{}
		err := loop.Run(t.Context(), func(ctx context.Context) error {
			ended = append(ended, serveStream(wctx, page, stuck))
			synctest.Wait()
			for range 50 {
				out, done := watch(context.Background(), page, "")
				others, ended = append(others, out), append(ended, done)
			}
			time.Sleep(3500 * time.Millisecond)
			return nil
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		for _, done := range ended[1:] {
			<-done
		}
		for i, o := range others {
			got := o.take()
			if len(got) < 5 || !strings.Contains(got[len(got)-1], "nothing is left") {
				t.Errorf("beside a client that does not read, number %d got %d events, the last is %q", i, len(got), got[len(got)-1])
			}
		}
		if stuck.writes != 1 {
			t.Errorf("%d frames queue for the client that does not read", stuck.writes)
		}
		close(gone)
		leave()
		<-ended[0]
		time.Sleep(time.Minute) // the history goes
	})
}

// stuck has two clients watch the loop while it drains, of which one never
// reads and has its buffers filled. The function that it returns closes that
// one.
func stuck(t *testing.T, ctx context.Context, loop *aio.Loop) (done func(), err error) {
	s, err := live.Serve(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	hold(ctx, 490, strings.Repeat("long", 400))
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		return nil, err
	}
	c.(*net.TCPConn).SetReadBuffer(4096)
	done = func() { c.Close() }
	const what = "events?as=json&q=long"
	if _, err := fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n", what); err != nil {
		return done, err
	}
	res, err := client(t, "").Get(s.URL() + what)
	if err != nil {
		return done, err
	}
	t.Cleanup(func() { res.Body.Close() })
	in := bufio.NewReader(res.Body)
	for n := 0; n < 8; {
		line, err := in.ReadString('\n')
		if err != nil {
			return done, err
		}
		if !strings.HasPrefix(line, "data: ") {
			continue
		}
		if len(line) < 500_000 {
			return done, fmt.Errorf("a frame of %d bytes does not fill buffers", len(line))
		}
		if n++; n == 1 {
			loop.Exit(nil) // from now on frames are sent more often
		}
	}
	go io.Copy(io.Discard, in) //nolint:errcheck // it ends when the page says so
	return done, nil
}

// A client of a Server that never reads, and whose buffers are full, does not
// make the loop's end wait: Grace is an hour.
func TestStuckConnection(t *testing.T) {
	loop := &aio.Loop{Grace: time.Hour, Logger: quiet}
	done := func() {}
	err := loop.Run(t.Context(), func(ctx context.Context) (err error) {
		defer loop.Cancel(nil)
		done, err = stuck(t, ctx, loop)
		return err
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	if n := loop.Overdue(); len(n) > 0 {
		t.Errorf("cut off: %d", len(n))
	}
	done()
}

// Nor does it if the loop gives something up, which leaves no time. (On a
// machine that is very busy the page's own end may be given up too.)
func TestStuckConnectionAndLeft(t *testing.T) {
	loop := &aio.Loop{Grace: time.Hour, Abandon: time.Second, Logger: quiet}
	done := func() {}
	release, gone := make(chan struct{}), make(chan struct{})
	err := loop.Run(t.Context(), func(ctx context.Context) (err error) {
		defer loop.Cancel(nil)
		aio.Spawn(ctx, "stubborn", func(context.Context) error {
			defer close(gone)
			<-release
			return nil
		})
		done, err = stuck(t, ctx, loop)
		return err
	})
	var left *aio.StuckError
	if !errors.As(err, &left) || left.Ops[0].Name != "stubborn" {
		t.Errorf("Run returned %v", err)
	}
	close(release)
	<-gone
	done()
}

// bomb is an error whose Error method panics.
type bomb struct{}

func (bomb) Error() string { panic("no text") }

// An error whose methods panic does not end the loop because a client watches.
func TestErrorPanics(t *testing.T) {
	loop := &aio.Loop{OnEvent: func(aio.Event) {}}
	page := live.Handler(loop)
	run(t, loop, func(ctx context.Context) {
		wctx, leave := context.WithCancel(context.Background())
		_, done := watch(wctx, page, "")
		synctest.Wait()
		aio.Spawn(ctx, "bad", func(context.Context) error { return bomb{} })
		time.Sleep(time.Second)
		if s := snapshot(t, page, ""); len(s.Events) != 1 || !strings.Contains(s.Events[0].Err, "bomb, which panics") {
			t.Errorf("the events are %+v", s.Events)
		}
		if loop.Stats().Phase != "running" {
			t.Errorf("the loop is %s", loop.Stats().Phase)
		}
		leave()
		<-done
		time.Sleep(time.Minute) // the history goes
	})
}

// Close of a server that was not started, or could not start, returns, and so
// does a second one.
func TestCloseUnstarted(t *testing.T) {
	new(live.Server).Close()
	err := aio.Run(t.Context(), func(ctx context.Context) error {
		s, err := live.Serve(ctx, "0.0.0.0:0")
		if !errors.Is(err, live.ErrToken) {
			t.Errorf("got %v", err)
		}
		s.Close()
		other, err := live.Serve(ctx, ":0")
		if err != nil {
			return err
		}
		s, err = live.Serve(ctx, other.Addr().String())
		if !errors.Is(err, aio.ErrConn) {
			t.Errorf("an address in use: %v", err)
		}
		s.Close()
		other.Close()
		other.Close()
		return nil
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
}

// Only the owner of a socket's file can connect to it, whatever the umask is.
func TestSocketMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets of files are not tested there")
	}
	path := filepath.Join(t.TempDir(), "live.sock")
	err := aio.Run(t.Context(), func(ctx context.Context) error {
		if _, err := live.Serve(ctx, "unix:"+path); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("the mode is %v, want -rw-------", mode)
		}
		return nil
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's file is left: %v", err)
	}
}
