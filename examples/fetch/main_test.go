package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is a Writer for several goroutines.
type output struct {
	mu sync.Mutex
	strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Builder.Write(p)
}

func TestFetch(t *testing.T) {
	fast := make(chan bool)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			w.Header().Set("Content-Length", "12")
			io.WriteString(w, "Hello, ")
			http.NewResponseController(w).Flush()
			<-fast
			io.WriteString(w, "world")
		case "/fast":
			io.WriteString(w, "hi")
			close(fast)
		}
	}))
	defer s.Close()
	var stdout, progress output
	err := run(context.Background(), []string{"-every", "1ns", s.URL + "/slow", s.URL + "/fast", "http://127.0.0.1:1"}, &stdout, &progress)
	if err == nil || err.Error() != "1 of 3 failed" {
		t.Errorf("the program ended with %v", err)
	}
	for _, want := range []string{"200 " + s.URL + "/fast: 2 bytes\n", "200 " + s.URL + "/slow: 12 bytes\n", `failed: GET "http://127.0.0.1:1": dial`} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q lacks %q", stdout.String(), want)
		}
	}
	if !strings.Contains(progress.String(), s.URL+"/slow: ") {
		t.Errorf("no progress in %q", progress.String())
	}
}

func TestFetchPublic(t *testing.T) {
	var stdout output
	err := run(context.Background(), []string{"-public", "http://127.0.0.1:1/"}, &stdout, io.Discard)
	if err == nil || !strings.Contains(stdout.String(), "not allowed") {
		t.Errorf("got %v, %q", err, stdout.String())
	}
}
