package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program until the test's end, and returns its URL.
func start(t *testing.T, to string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-addr", "127.0.0.1:0", "-to", to}, w)
		w.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("result of done: %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(line, "listening on ")
	if err != nil || !ok {
		t.Fatalf("the program printed %q, %v", line, err)
	}
	return "http://" + strings.TrimSpace(addr)
}

// plain returns a client without a pool.
func plain() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

func TestProxy(t *testing.T) {
	goOn := make(chan bool)
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stream":
			io.WriteString(w, "first\n")
			http.NewResponseController(w).Flush()
			<-goOn
			io.WriteString(w, "last\n")
		case "/break":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "short")
		case "/away":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Hop", r.Header.Get("X-Hop"))
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		}
	}))
	defer behind.Close()
	url := start(t, behind.URL)

	req, err := http.NewRequest("PUT", url+"/a%20b?c=d", strings.NewReader("hello"))
	if err != nil {
		t.Fatalf("http.NewRequest: %v", err)
	}
	req.Header = http.Header{"Connection": {"X-Hop"}, "X-Hop": {"yes"}}
	resp, err := plain().Do(req)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot || string(body) != "PUT /a%20b?c=d hello" || err != nil || resp.Header.Get("X-Hop") != "" {
		t.Errorf("got %d %q, %v", resp.StatusCode, body, err)
	}

	if resp, err = plain().Get(url + "/stream"); err != nil {
		t.Fatalf("Get: %v", err)
	}
	r := bufio.NewReader(resp.Body)
	for _, want := range []string{"first\n", "last\n"} {
		if line, err := r.ReadString('\n'); line != want || err != nil {
			t.Errorf("got %q, %v, not %q", line, err, want)
		}
		if want == "first\n" {
			goOn <- true
		}
	}
	resp.Body.Close()

	if resp, err = plain().Get(url + "/break"); err != nil {
		t.Fatalf("Get: %v", err)
	}
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("an answer that broke was passed on as %q", body)
	}
	resp.Body.Close()

	if resp, err = plain().Transport.RoundTrip(httptest.NewRequest("GET", url+"/away", nil)); err != nil {
		t.Fatalf("RoundTrip: %v", err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != "/elsewhere" {
		t.Errorf("a redirect was passed on as %v", resp)
	}
}

func TestNobodyBehind(t *testing.T) {
	resp, err := plain().Get(start(t, "http://127.0.0.1:1"))
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("got %d", resp.StatusCode)
	}
}
