package httpx_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

// bothModes calls test with a server for each of the ways to answer, which
// answers as answers does.
func bothModes(t *testing.T, test func(t *testing.T, s *httpx.Server)) {
	t.Run("Serve", func(t *testing.T) { test(t, &httpx.Server{Handle: answers, H2C: true}) })
	t.Run("ServeHandler", func(t *testing.T) {
		test(t, &httpx.Server{Handler: http.HandlerFunc(answersHTTP), H2C: true})
	})
}

// answersHTTP is answers as an http.Handler.
func answersHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, r.Method+" "+r.RequestURI+"\n"+string(body))
}

// peer returns the path of another program, and skips the test if it is not
// installed.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// TestWrk checks that wrk gets nothing but answers on 64 connections.
func TestWrk(t *testing.T) {
	wrk := peer(t, "wrk")
	bothModes(t, func(t *testing.T, s *httpx.Server) {
		// of connections that wrk leaves with a request on them
		l := &aio.Loop{OnEvent: func(aio.Event) {}}
		l.Run(t.Context(), func(ctx context.Context) error {
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				t.Errorf("s.Start: %v", err)
				return err
			}
			defer l.Exit(nil)
			out, err := exec.Command(wrk, "-t1", "-c64", "-d1s", "http://"+s.Addr().String()+"/").CombinedOutput()
			text := string(out)
			n := number(text, `(\d+) requests in`)
			if err != nil || n < 64 || strings.Contains(text, "Non-2xx") || strings.Contains(text, "Socket errors") {
				t.Errorf("%v: %s", err, text)
			}
			t.Logf("%d requests", n)
			return nil
		})
	})
}

// TestH2load checks that h2load gets all its answers, over each version of
// HTTP.
func TestH2load(t *testing.T) {
	h2load := peer(t, "h2load")
	for _, c := range []struct {
		name, scheme string
		args         []string
	}{
		{"HTTP/2", "https", []string{"-m", "10"}},
		{"h2c", "http", []string{"-m", "10"}},
		{"HTTP/1.1", "http", []string{"--h1"}},
		{"upload", "https", []string{"-m", "10", "-d", "server_peers_test.go"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bothModes(t, func(t *testing.T, s *httpx.Server) {
				if c.scheme == "https" {
					s.TLS = serverTLS(t)
				}
				serve(t, s, func(addr string) {
					args := append([]string{"-n2000", "-c10", c.scheme + "://" + addr + "/"}, c.args...)
					out, err := exec.Command(h2load, args...).CombinedOutput()
					if err != nil || number(string(out), `status codes: (\d+) 2xx`) != 2000 {
						t.Errorf("%v: %s", err, out)
					}
				})
			})
		})
	}
}

// TestH2spec checks that h2spec finds no more wrong with HTTP/2 than it finds
// with net/http's own server.
func TestH2spec(t *testing.T) {
	h2spec := peer(t, "h2spec")
	if testing.Short() || raceEnabled {
		t.Skip("it waits for many answers that are not to come, for 2 s each")
	}
	for _, tls := range []bool{true, false} {
		t.Run(map[bool]string{true: "TLS", false: "h2c"}[tls], func(t *testing.T) {
			theirs, addr := ownServer(t, tls)
			defer theirs()
			handle := &httpx.Server{H2C: true, Handle: func(r *httpx.Request) {
				r.RespondString(200, "hai")
			}}
			handler := &httpx.Server{H2C: true, Handler: http.HandlerFunc(answersHTTP)}
			for _, s := range []*httpx.Server{handle, handler} {
				if tls {
					s.TLS = serverTLS(t)
				}
			}
			// of connections that h2spec breaks
			l := &aio.Loop{OnEvent: func(aio.Event) {}}
			l.Run(t.Context(), func(ctx context.Context) error {
				addrs := []string{addr}
				for _, s := range []*httpx.Server{handle, handler} {
					if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
						t.Errorf("s.Start: %v", err)
						return err
					}
					addrs = append(addrs, s.Addr().String())
				}
				var failed [3]int
				var all sync.WaitGroup
				for i, addr := range addrs {
					all.Go(func() { failed[i] = runH2spec(t, h2spec, addr, tls) })
				}
				all.Wait()
				t.Logf("failures: %d of net/http, %d of Serve, %d of ServeHandler", failed[0], failed[1], failed[2])
				if failed[1] > failed[0] || failed[2] > failed[0] {
					t.Error("there are more than net/http has")
				}
				l.Exit(nil)
				return nil
			})
		})
	}
}

// ownServer starts net/http's own server, and returns what ends it, and its
// address.
func ownServer(t *testing.T, tls bool) (stop func(), addr string) {
	own := &http.Server{Handler: http.HandlerFunc(answersHTTP), Protocols: new(http.Protocols), ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	own.Protocols.SetHTTP1(true)
	own.Protocols.SetHTTP2(tls)
	own.Protocols.SetUnencryptedHTTP2(!tls)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		if tls {
			own.TLSConfig = serverTLS(t)
			done <- own.ServeTLS(ln, "", "")
		} else {
			done <- own.Serve(ln)
		}
	}()
	return func() {
		own.Close()
		<-done
	}, ln.Addr().String()
}

// runH2spec returns the number of h2spec's tests that failed.
func runH2spec(t *testing.T, h2spec, addr string, tls bool) int {
	host, port, _ := strings.Cut(addr, ":")
	args := []string{"-h", host, "-p", port, "-o", "2"}
	if tls {
		args = append(args, "-t", "-k")
	}
	out, err := exec.Command(h2spec, args...).CombinedOutput()
	_, failures, _ := strings.Cut(string(out), "Failures:")
	if failures != "" {
		t.Log(failures)
	}
	failed := number(string(out), `(\d+) failed`)
	if failed < 0 || number(string(out), `(\d+) tests`) < 100 {
		t.Errorf("%v: %s", err, out)
	}
	return failed
}

// number returns the number that the pattern's group matches, -1 if it is not
// in text.
func number(text, pattern string) int {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return -1
	}
	return n
}
