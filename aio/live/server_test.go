package live_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/live"
)

// client is a client whose connections end with the test.
func client(t *testing.T, socket string) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a test's own server
	if socket != "" {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// An open page does not hold the loop open, sees it drain to its end, and does
// not hold that up: Grace is an hour.
func TestOpenPage(t *testing.T) {
	loop := &aio.Loop{Name: "shop", Grace: time.Hour, Logger: quiet}
	ended := make(chan string, 1)
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		s, err := live.Serve(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		res, err := client(t, "").Get(s.URL() + "events")
		if err != nil {
			return err
		}
		if !res.Close {
			t.Error("the connection is kept, for which the end has to wait")
		}
		lines := bufio.NewReader(res.Body)
		if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "running") {
			t.Errorf("%v, the first event is %q", err, line)
		}
		release := make(chan struct{})
		aio.Spawn(ctx, "last order", func(context.Context) error { <-release; return nil })
		go func() {
			defer res.Body.Close()
			for n := 0; n < 2; { // the countdown is seen to go on
				line, err := lines.ReadString('\n')
				if err != nil {
					ended <- err.Error()
					return
				}
				if strings.Contains(line, "59 m ") && strings.Contains(line, "draining") {
					n++
				}
			}
			close(release)
			text, err := io.ReadAll(lines)
			ended <- fmt.Sprint(string(text), err)
		}()
		loop.Exit(nil)
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	text := <-ended
	if !strings.Contains(text, "event: end\ndata: The loop has ended, and nothing is left.\n") || !strings.HasSuffix(text, "<nil>") {
		t.Errorf("the page saw %q", text)
	}
	if n := loop.Overdue(); len(n) > 0 {
		t.Errorf("cut off: %v", n)
	}
}

// Over HTTP/2, too, a page shows the end, and does not delay it.
func TestOpenPageHTTP2(t *testing.T) {
	other := httptest.NewTLSServer(nil) // has a certificate
	other.Close()
	loop := &aio.Loop{Grace: time.Hour, Logger: quiet}
	ended := make(chan string, 1)
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		defer loop.Cancel(nil)
		s := &live.Server{TLS: &tls.Config{Certificates: other.TLS.Certificates}} //nolint:gosec // TLS 1.2 is the least
		if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		c := client(t, "")
		c.Transport.(*http.Transport).ForceAttemptHTTP2 = true //nolint:errcheck // it is one
		res, err := c.Get(s.URL() + "events")
		if err != nil {
			return err
		}
		if res.ProtoMajor != 2 || !strings.HasPrefix(s.URL(), "https://") {
			t.Errorf("%s of %s", res.Proto, s.URL())
		}
		lines := bufio.NewReader(res.Body)
		if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "running") {
			t.Errorf("%v, the first event is %q", err, line)
		}
		go func() {
			defer res.Body.Close()
			text, err := io.ReadAll(lines)
			ended <- fmt.Sprint(string(text), err)
		}()
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	if text := <-ended; !strings.Contains(text, "event: end\ndata: The loop has ended, and nothing is left.\n") {
		t.Errorf("the page saw %q", text)
	}
}

// What the loop gave up on is shown at the end.
func TestLeft(t *testing.T) {
	loop := &aio.Loop{Grace: -1, Abandon: -1, Logger: quiet}
	release, ended := make(chan struct{}), make(chan string, 1)
	gone := make(chan struct{})
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		s, err := live.Serve(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		res, err := client(t, "").Get(s.URL() + "events?as=json")
		if err != nil {
			return err
		}
		go func() {
			defer res.Body.Close()
			text, _ := io.ReadAll(res.Body)
			ended <- string(text)
		}()
		aio.Spawn(ctx, "stubborn", func(context.Context) error {
			defer close(gone)
			<-release
			return nil
		})
		loop.Exit(nil)
		return nil
	})
	var stuck *aio.StuckError
	if !errors.As(err, &stuck) {
		t.Errorf("Run: %v", err)
	}
	text := <-ended
	if !strings.Contains(text, "1 operation was left behind") {
		t.Error("the page does not say that something was left")
	}
	last := text[strings.LastIndex(text, "data: {"):]
	if !strings.Contains(last, "stubborn") || !strings.Contains(last, `"Phase":"done"`) {
		t.Errorf("the last snapshot is %s", last)
	}
	close(release)
	<-gone
}

// A Page in the loop's own server lets that drain.
func TestMounted(t *testing.T) {
	loop := &aio.Loop{Grace: time.Hour, Logger: quiet}
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		mux := http.NewServeMux()
		mux.Handle("/debug/live/", live.Handler(loop))
		s, err := httpx.ServeHandler(ctx, "127.0.0.1:0", mux)
		if err != nil {
			return err
		}
		res, err := client(t, "").Get(fmt.Sprintf("http://%s/debug/live/events", s.Addr()))
		if err != nil {
			return err
		}
		t.Cleanup(func() { res.Body.Close() })
		if _, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil {
			t.Errorf("ReadString: %v", err)
		}
		loop.Exit(nil)
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestUnixSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets of files are not tested there")
	}
	path := filepath.Join(t.TempDir(), "live.sock")
	err := aio.Run(t.Context(), func(ctx context.Context) error {
		s, err := live.Serve(ctx, "unix:"+path)
		if err != nil {
			return err
		}
		if s.URL() != "unix:"+path {
			t.Errorf("URL %s", s.URL())
		}
		res, err := client(t, path).Get("http://localhost/")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != 200 {
			t.Errorf("status %s", res.Status)
		}
		return nil
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
}

// Addresses that others can reach need a token.
func TestAddresses(t *testing.T) {
	err := aio.Run(t.Context(), func(ctx context.Context) error {
		for _, addr := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "nonsense"} {
			if s, err := live.Serve(ctx, addr); !errors.Is(err, live.ErrToken) {
				t.Errorf("%s: %v", addr, err)
				s.Close()
			}
		}
		for _, addr := range []string{":0", "localhost:0", "127.0.0.2:0"} {
			s, err := live.Serve(ctx, addr)
			if err != nil {
				t.Errorf("%s: %v", addr, err)
				continue
			}
			if host, _, _ := net.SplitHostPort(s.Addr().String()); !net.ParseIP(host).IsLoopback() {
				t.Errorf("%s: listens on %s", addr, s.Addr())
			}
			if err := s.Start(ctx, addr); err == nil {
				t.Error("it started twice")
			}
			s.Close()
			if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
				t.Errorf("%s: still listens after Close", addr)
			}
		}
		open := &live.Server{Page: live.Page{Token: "t"}}
		if err := open.Start(ctx, "0.0.0.0:0"); err != nil {
			t.Errorf("open.Start: %v", err)
		}
		if !strings.HasSuffix(open.URL(), "/?token=t") {
			t.Errorf("URL %s", open.URL())
		}
		var inUse *aio.ConnError
		if _, err := live.Serve(ctx, open.Addr().String()[len("[::]"):]); err != nil && !errors.As(err, &inUse) {
			t.Errorf("live.Serve: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
	if _, err := live.Serve(t.Context(), ":0"); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("without a loop: %v", err)
	}
	done := new(aio.Loop)
	done.Run(t.Context(), func(context.Context) error { return nil })
	if err := (&live.Server{Page: live.Page{Loop: done}}).Start(t.Context(), ":0"); !errors.Is(err, aio.ErrLoopDone) {
		t.Errorf("of a loop that has ended: %v", err)
	}
}

func ExampleServe() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		// ":6060", say, for a fixed port
		page, err := live.Serve(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println(strings.HasPrefix(page.URL(), "http://127.0.0.1:"))
		return nil
	})
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}
