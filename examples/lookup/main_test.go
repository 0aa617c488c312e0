package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"goaio.example/aio/aiotest/dnsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lookup runs the program and returns the lines that it prints.
func lookup(t *testing.T, args ...string) []string {
	t.Helper()
	var out strings.Builder
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatalf("run: %v", err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// Offline: all but the slow name come before it.
func TestOffline(t *testing.T) {
	got := lookup(t)
	if last := got[len(got)-1]; last != "slow.example: [192.0.2.9] (server, TTL 5m0s)" {
		t.Errorf("the last line is %q", last)
	}
	for _, want := range []string{
		"www.example: [", "] (server, TTL 5m0s)", "mail.example: [", "TTL 1m0s)", "::1: [::1] (literal, TTL 0s)",
		"nowhere.example: there is no such name, or it has no address", "localhost: [",
	} {
		if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("no %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if len(got) != 6 {
		t.Errorf("%d lines, want 6:\n%s", len(got), strings.Join(got, "\n"))
	}
}

func TestServer(t *testing.T) {
	s := &dnsserver.Server{Zone: "a.test. 7 A 192.0.2.7\nb.test. 8 A 192.0.2.8"}
	if err := s.Start(); err != nil {
		t.Fatalf("s.Start: %v", err)
	}
	defer s.Close()
	got := lookup(t, "-server", s.Addr(), "a.test", "b.test")
	slices.Sort(got)
	want := []string{"a.test: [192.0.2.7] (server, TTL 7s)", "b.test: [192.0.2.8] (server, TTL 8s)"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := s.Count(dnsserver.Match{}); n != 4 { // A and AAAA for each
		t.Errorf("%d queries, want 4", n)
	}
}

// A literal needs nobody to ask.
func TestSystem(t *testing.T) {
	if got := lookup(t, "-server", "system", "192.0.2.1"); got[0] != "192.0.2.1: [192.0.2.1] (literal, TTL 0s)" {
		t.Errorf("got %q", got)
	}
}

func TestNothingFound(t *testing.T) {
	err := run(t.Context(), []string{"nowhere.example", "a..b"}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "nothing was found") {
		t.Errorf("got %v", err)
	}
}

// A server that does not answer costs the timeout, once for all names.
func TestTimeout(t *testing.T) {
	s := new(dnsserver.Server)
	s.SetFault(dnsserver.Match{}, dnsserver.Fault{Drop: true})
	if err := s.Start(); err != nil {
		t.Fatalf("s.Start: %v", err)
	}
	defer s.Close()
	var out strings.Builder
	begin := time.Now()
	err := run(t.Context(), []string{"-server", s.Addr(), "-timeout", "100ms", "a.test", "b.test", "c.test"}, &out)
	// what it is without -timeout
	if took := time.Since(begin); err == nil || took >= 10*time.Second {
		t.Errorf("took %v: %v", took, err)
	}
	if n := strings.Count(out.String(), "no answer in time"); n != 3 {
		t.Errorf("%d timeouts, want 3:\n%s", n, out.String())
	}
}
