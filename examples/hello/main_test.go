package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program until the test, or the function that it returns, ends
// it. That waits for the end.
func start(t *testing.T, args ...string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), w)
		w.Close()
		done <- err
	}()
	out := bufio.NewScanner(r)
	for out.Scan() {
		if addr, ok := strings.CutPrefix(out.Text(), "listening on "); ok {
			url = "http://" + addr
			break
		}
	}
	go io.Copy(io.Discard, r) // ends with the program
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	return url, func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("result of done: %v", err)
		}
	}
}

func TestHello(t *testing.T) {
	url, stop := start(t)
	defer stop()
	resp, err := http.Get(url + "/x?y=z")
	if err != nil {
		t.Fatalf("http.Get: %v", err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "hai" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
}
