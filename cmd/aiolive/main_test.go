package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/live"
)

func TestMain(m *testing.M) {
	switch os.Getenv("BE_THE_PROGRAM") {
	case "aiolive":
		main()
	case "panic": // while it draws
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, &panicker{out: os.Stdout}, os.Stderr))
	case "panic stream": // while it begins the second stream
		http.DefaultTransport = &http.Transport{Proxy: panicAfter(1)}
		main()
	default:
		aiotest.VerifyMain(m)
	}
}

// panicker is a terminal that panics, once, when a search is typed.
type panicker struct {
	out  *os.File
	done bool
}

func (p *panicker) Write(b []byte) (int, error) {
	if !p.done && strings.Contains(string(b), "search: ") {
		p.done = true
		panic("a test's")
	}
	return p.out.Write(b)
}

// panicAfter returns a function for http.Transport.Proxy that panics after n
// calls.
func panicAfter(n int) func(*http.Request) (*url.URL, error) {
	return func(*http.Request) (*url.URL, error) {
		if n--; n < 0 {
			panic("a test's")
		}
		return nil, nil
	}
}

const hostile = "GET /\x1b[2J\x1b]0;title\x07\u202e\n"

// looked is a loop that has a hostile name and ten of a kind, and is looked at.
func looked(t *testing.T, addr string, token string, look func(ctx context.Context, url string)) {
	t.Helper()
	loop := &aio.Loop{Name: "shop", OnEvent: func(aio.Event) {}}
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		s := &live.Server{Page: live.Page{Loop: loop, Token: token}}
		if err := s.Start(ctx, addr); err != nil {
			return err
		}
		defer loop.Cancel(nil)
		for i := range 11 {
			name := "job"
			if i == 0 {
				name = hostile
			}
			start := aio.Spawn
			if i == 0 {
				start = aio.Daemon
			}
			start(ctx, name, func(ctx context.Context) error { <-ctx.Done(); return nil })
		}
		look(ctx, s.URL())
		return nil
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
}

// call runs the program with nothing to read.
func call(t *testing.T, ctx context.Context, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	none, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatalf("os.Open: %v", err)
	}
	defer none.Close()
	var out, errs bytes.Buffer
	status = run(ctx, args, none, &out, &errs)
	return status, out.String(), errs.String()
}

func TestOnce(t *testing.T) {
	looked(t, "127.0.0.1:0", "", func(ctx context.Context, url string) {
		status, out, errs := call(t, ctx, "-once", url)
		for _, want := range []string{"shop: running\n", "in flight 12 ", "+ aio.spawn x10\n", `GET /\x1b[2J\x1b]0;title\x07\u202e\n #`, " daemon"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if status != 0 || errs != "" || strings.ContainsAny(out, "\x1b\x07\u202e") {
			t.Errorf("status %d, %q, or control characters", status, errs)
		}
		if _, out, _ := call(t, ctx, "-once", "-q", "JOB", "-sort", "new", url); strings.Count(out, " job #") != 10 || strings.Contains(out, "GET") {
			t.Errorf("the search found\n%s", out)
		}
		if _, out, _ := call(t, ctx, "-once", "-json", url); !strings.HasPrefix(out, `{"Time":`) || !strings.HasSuffix(out, "}\n") {
			t.Errorf("no JSON: %.100s", out)
		}
	})
}

func TestUnixSocketAndToken(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets of files are not tested there")
	}
	looked(t, "unix:"+filepath.Join(t.TempDir(), "s"), "t", func(ctx context.Context, url string) {
		if status, _, errs := call(t, ctx, "-once", url); status != 1 || !strings.Contains(errs, "401") {
			t.Errorf("without the token: %d, %s", status, errs)
		}
		if status, out, _ := call(t, ctx, "-once", "-token", "t", url); status != 0 || !strings.Contains(out, "shop: running") {
			t.Errorf("with the token: %d, %s", status, out)
		}
		// is not tried again
		if status, _, errs := call(t, ctx, url); status != 1 || !strings.Contains(errs, "401") {
			t.Errorf("a stream without the token: %d, %s", status, errs)
		}
	})
	looked(t, "127.0.0.1:0", "t", func(ctx context.Context, url string) {
		if status, out, _ := call(t, ctx, "-once", url); status != 0 || !strings.Contains(out, "shop: running") {
			t.Errorf("with the token in the URL: %d, %s", status, out)
		}
	})
}

// A server that is no page of live's cannot do anything to the terminal either.
func TestHostileServer(t *testing.T) {
	const bad = "\x1b]0;t\x07\x9b\u009b2J\u202e\u200b"
	text, err := json.Marshal(live.Snapshot{
		Phase: bad, Loop: bad, Held: []live.Held{{Kind: bad}}, Events: []live.Event{{Kind: bad, Op: bad, Err: bad}},
		Tree: live.Tree{Rows: []live.Row{{Kind: bad, Count: 2}, {Op: &live.Op{Name: bad, Kind: bad, Awaits: bad, Site: bad}}}},
	})
	if err != nil {
		t.Fatalf("json.Marshal: %v", err)
	}
	for name, answer := range map[string]string{
		"snapshot": "HTTP/1.0 200 OK\r\n\r\n" + string(text), "no JSON": "HTTP/1.0 200 OK\r\n\r\n{" + bad,
		"status": "HTTP/1.0 404 " + bad + "\r\n\r\n" + bad, "no HTTP": bad + "\r\n\r\n",
		"end": "HTTP/1.0 200 OK\r\n\r\ndata: " + string(text) + "\n\nevent: end\ndata: " + bad + "\n\n",
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("net.Listen: %v", err)
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				bufio.NewReader(c).ReadString('\n')
				io.WriteString(c, answer)
				c.Close()
			}
		}()
		for _, args := range [][]string{{"-once"}, {"-once", "-json"}, {}} {
			if len(args) == 0 && name != "end" && name != "status" {
				continue // is tried again and again
			}
			_, out, errs := call(t, t.Context(), append(args, ln.Addr().String())...)
			for _, known := range []string{enterScreen, leaveScreen, home, endLine, endScreen, reverse, plain} {
				out = strings.ReplaceAll(out, known, "\n")
			}
			for _, r := range out + errs {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("%s, %q: the terminal is sent %q in %q, %q", name, args, r, out, errs)
					break
				}
			}
		}
		ln.Close()
		<-served
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"a", "b"}, {"-sort", "size", "a"}, {"-nonsense", "a"}, {"-once", "http://%zz"}} {
		if status, out, errs := call(t, t.Context(), args...); status != 2 || out != "" || errs == "" {
			t.Errorf("%q: %d, %q, %q", args, status, out, errs)
		}
	}
	if status, _, errs := call(t, t.Context(), "-once", "127.0.0.1:1"); status != 1 || errs == "" {
		t.Errorf("no one listens: %d, %q", status, errs)
	}
}

// The screen is that of another view after a key, and what was seen last stays
// when the loop has ended.
func TestShow(t *testing.T) {
	in, keyboard, err := os.Pipe()
	if err != nil {
		t.Fatalf("os.Pipe: %v", err)
	}
	defer in.Close()
	seen, out := newWaiter()
	done := make(chan int, 1)
	looked(t, "127.0.0.1:0", "", func(_ context.Context, url string) {
		go func() { done <- run(context.Background(), []string{url}, in, out, os.Stderr) }()
		seen.until(t, "+ aio.spawn x10")
		keyboard.WriteString("\x1b[B\x1b[B\r") // main, the daemon, the jobs
		seen.until(t, reverse+"  ")
		seen.until(t, "- aio.spawn x10")
		seen.until(t, "job #")
		keyboard.WriteString("s")
		seen.until(t, "by new")
		keyboard.WriteString("/script\x7f\x7f\x7f\x7f\x7f\x7fGET\r")
		seen.until(t, `by new, 1 match "GET"`) // which the stream has told
	})
	if status := <-done; status != 0 {
		t.Errorf("status %d", status)
	}
	keyboard.Close()
	_, after, _ := strings.Cut(out.String(), leaveScreen)
	if !strings.Contains(after, "shop: ended") || !strings.Contains(after, "the loop has ended: The loop has ended, and nothing is left.") {
		t.Errorf("at the end:\n%s", after)
	}
	if strings.Contains(out.String(), "\x1b[2J") || strings.Contains(out.String(), "\u202e") {
		t.Error("a name got through to the terminal")
	}
}

func TestQuit(t *testing.T) {
	in, keyboard, err := os.Pipe()
	if err != nil {
		t.Fatalf("os.Pipe: %v", err)
	}
	defer in.Close()
	defer keyboard.Close()
	seen, out := newWaiter()
	looked(t, "127.0.0.1:0", "", func(_ context.Context, url string) {
		done := make(chan int, 1)
		go func() { done <- run(context.Background(), []string{url}, in, out, os.Stderr) }()
		seen.until(t, "aio.spawn")
		keyboard.WriteString("q")
		if status := <-done; status != 0 {
			t.Errorf("status %d", status)
		}
	})
}

// A page that is not there is tried again until a key, or the end, comes.
func TestNotConnected(t *testing.T) {
	in, keyboard, err := os.Pipe()
	if err != nil {
		t.Fatalf("os.Pipe: %v", err)
	}
	defer in.Close()
	defer keyboard.Close()
	seen, out := newWaiter()
	done := make(chan int, 1)
	go func() { done <- run(context.Background(), []string{"127.0.0.1:1"}, in, out, os.Stderr) }()
	seen.until(t, "not connected")
	keyboard.WriteString("q")
	if status := <-done; status != 0 {
		t.Errorf("status %d", status)
	}
}

// waiter waits for what is written.
type waiter struct {
	text chan string
	all  string
}

// writer is where it is written.
type writer struct {
	all  bytes.Buffer
	text chan string
}

func (w *writer) String() string { return w.all.String() }

func newWaiter() (*waiter, *writer) {
	ch := make(chan string, 10_000)
	return &waiter{text: ch}, &writer{text: ch}
}

func (w *writer) Write(b []byte) (int, error) {
	w.text <- string(b)
	return w.all.Write(b)
}

// until waits for text that is written after what was waited for before.
func (w *waiter) until(t *testing.T, want string) {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		if _, after, ok := strings.Cut(w.all, want); ok {
			w.all = after
			return
		}
		select {
		case s := <-w.text:
			w.all += s
		case <-late:
			t.Fatalf("no %q in %q", want, w.all)
		}
	}
}

func TestScreenFits(t *testing.T) {
	s := &live.Snapshot{Loop: "x", Phase: "draining", Time: time.Unix(10, 0), PhaseEnd: time.Unix(12, 5e8)}
	for i := range 300 {
		s.Tree.Rows = append(s.Tree.Rows, live.Row{Key: "k", Kind: strings.Repeat("long", 50), Count: i})
		s.Events = append(s.Events, live.Event{Op: "op", Err: "bad"})
		s.Samples = append(s.Samples, live.Sample{Started: float64(i)})
	}
	for _, row := range []int{0, 1, 150, 299} {
		lines := screen(s, view{sort: live.ByAge, row: row}, 50, 30)
		if len(lines) > 30 {
			t.Errorf("%d lines", len(lines))
		}
		marked := 0
		for _, l := range lines {
			if n := len([]rune(l.text)); n > 50 {
				t.Errorf("a line of %d characters", n)
			}
			if l.marked {
				marked++
			}
		}
		if marked != 1 {
			t.Errorf("row %d: %d lines are marked", row, marked)
		}
	}
	if got := screen(s, view{}, 0, 0)[0].text; got != "x: draining, at most 2.5s more" {
		t.Errorf("got %q", got)
	}
}

func TestKeys(t *testing.T) {
	got, rest := keysOf([]byte("aé\x1b[A\x1bOB\r\x7f\x1b[6~\x1b[1;5C~\x1b[H\x1b\xc3"))
	if want := []string{"a", "é", "up", "down", "enter", "backspace", "page down", "~", "home", "escape"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if string(rest) != "\xc3" {
		t.Errorf("the beginning of a character: %q is left", rest)
	}
}
