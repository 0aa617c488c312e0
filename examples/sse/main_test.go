package main

import (
	"bufio"
	"context"
	"errors"
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

// TestEvents checks that events come, that the count goes on for a client that
// comes back, and that the end is told.
func TestEvents(t *testing.T) {
	url, stop := start(t, "-every", "1ms")
	req, err := http.NewRequest("GET", url+"/events", nil)
	if err != nil {
		t.Fatalf("http.NewRequest: %v", err)
	}
	req.Header.Set("Last-Event-ID", "41")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("http.DefaultClient.Do: %v", err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for _, want := range []string{"id: 42", "id: 43"} {
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "id:") {
		}
		if lines.Text() != want {
			t.Fatalf("got %q, want %q", lines.Text(), want)
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		stop()
	}()
	last := ""
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") {
			last = lines.Text()
		}
	}
	if last != "data: good-bye" || lines.Err() != nil {
		t.Errorf("ended with %q, %v", last, lines.Err())
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	<-ended
}

// TestFollow checks that the client prints what the server sends, and ends by
// itself when it is told to.
func TestFollow(t *testing.T) {
	url, stop := start(t, "-every", "1ms")
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"-from", url + "/events"}, w)
		w.Close()
		done <- err
	}()
	lines := bufio.NewScanner(r)
	for _, want := range []string{"1 message ", "2 message ", "3 message "} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) {
			t.Errorf("it printed %q, want %q: %v", lines.Text(), want, lines.Err())
		}
	}
	cancel()
	io.Copy(io.Discard, r)
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("result of done: %v", err)
	}
	stop()
}
