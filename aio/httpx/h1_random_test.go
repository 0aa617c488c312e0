package httpx_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

var (
	randomSeed  = flag.Uint64("h1.seed", 0, "the only seed of TestRandomH1")
	randomSeeds = flag.Int("h1.seeds", 60, "how many seeds TestRandomH1 has")
)

// TestRandomH1 holds, for clients, handlers, timeouts and ends by chance, that
// answers come in their order and are whole, or the connection ends; that every
// response's future is done and nothing is left behind when the server ends;
// and that the server does end.
func TestRandomH1(t *testing.T) {
	if *randomSeed != 0 {
		runRandom(t, *randomSeed)
		return
	}
	for range *randomSeeds {
		seed := rand.Uint64()
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { runRandom(t, seed) }) {
			return
		}
	}
}

func runRandom(t *testing.T, seed uint64) {
	cfg := (*tls.Config)(nil)
	if seed%4 == 0 {
		cfg = serverTLS(t)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &randomWorld{t: t, rng: rand.New(rand.NewPCG(seed, 1)), bubble: true}
		n := &aiotest.Network{BufferSize: 1 << (12 + w.n(6)), Latency: w.dur(3)}
		w.dial = func() (net.Conn, error) { return n.Dial("tcp", "server:80") }
		w.run(cfg, func() (net.Listener, error) { return n.Listen("server:80") })
	})
}

// TestRandomH1Sockets is TestRandomH1 over sockets.
func TestRandomH1Sockets(t *testing.T) {
	seeds := 10
	if testing.Short() {
		seeds = 2
	}
	for range seeds {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &randomWorld{t: t, rng: rand.New(rand.NewPCG(seed, 1))}
			w.run(nil, func() (net.Listener, error) {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				w.dial = func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
				return ln, err
			})
		})
	}
}

// run runs a server and clients, and checks what is left.
func (w *randomWorld) run(cfg *tls.Config, listen func() (net.Listener, error)) {
	t, s := w.t, w.server()
	s.TLS = cfg
	l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}, Logger: discard}
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		ln, err := listen()
		if err != nil {
			return err
		}
		if err := s.StartOn(ctx, ln); err != nil {
			return err
		}
		var clients sync.WaitGroup
		for range 1 + w.n(8) {
			clients.Go(func() { w.client(cfg != nil) })
		}
		if w.bubble && w.n(3) == 0 {
			clients.Wait()
		} else {
			time.Sleep(w.dur(200))
		}
		begun := time.Now()
		w.end(s, l)
		<-s.Future().Done()
		if took := time.Since(begun); w.bubble && took > 20*time.Second {
			t.Errorf("the server has taken %v to end", took)
		}
		clients.Wait()
		w.tasks.Wait()
		if n := httpx.InFlight(s); n != 0 {
			t.Errorf("%d requests are in flight", n)
		}
		if n := httpx.H1Conns(s); n != 0 {
			t.Errorf("%d connections are kept", n)
		}
		w.checkDone(l)
		for path, f := range w.futures {
			if _, err := f.Result(); err == aio.ErrPending {
				t.Errorf("the future of %s is pending", path)
			}
		}
		for _, path := range w.begun {
			if w.calm && !w.answered[path] {
				t.Errorf("the handler of %s began, and it has no answer", path)
			}
		}
		l.Exit(nil)
		return nil
	})
}

// checkDone looks that Done was called for each request.
func (w *randomWorld) checkDone(l *aio.Loop) {
	if w.open == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, k := range l.KindStats() {
		if k.Kind.String() == "http.request.in" && (k.Ended != w.done || k.Started != w.done) {
			w.t.Errorf("Done was called %d times for %d requests, of which %d have ended", w.done, k.Started, k.Ended)
		}
	}
	if len(w.open) > 0 {
		w.t.Errorf("Done was not called for %d requests", len(w.open))
	}
}

type randomWorld struct {
	t      *testing.T
	bubble bool
	dial   func() (net.Conn, error)
	tasks  sync.WaitGroup // of handlers

	// nothing breaks, and the server ends gracefully: what has begun is
	// answered
	calm bool

	mu       sync.Mutex
	rng      *rand.Rand
	paths    int
	futures  map[string]*aio.Future[int]
	begun    []string
	answered map[string]bool
	// requests that have begun and not ended; nil if they are not observed
	open map[int]bool
	done int64 // calls of Server.Done
}

func (w *randomWorld) n(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

// dur is a time of less than n ms, often none.
func (w *randomWorld) dur(n int) time.Duration {
	if w.n(2) == 0 {
		return 0
	}
	return time.Duration(w.n(n*1000)) * time.Microsecond
}

// nap sleeps or lets others run.
func (w *randomWorld) nap(n int) {
	if d := w.dur(n); d > 0 {
		time.Sleep(d)
		return
	}
	for range w.n(4) {
		runtime.Gosched()
	}
}

func (w *randomWorld) server() *httpx.Server {
	w.calm, w.answered = w.n(3) == 0, make(map[string]bool)
	s := &httpx.Server{HalfOpen: w.n(2) == 0, ReadyPath: "/ready"}
	for _, d := range []*time.Duration{
		&s.HeaderTimeout, &s.BodyTimeout, &s.IdleTimeout, &s.WriteTimeout, &s.ResponseTimeout, &s.RequestTimeout,
	} {
		if !w.calm && w.n(4) == 0 {
			*d = time.Millisecond + w.dur(60)
		}
	}
	if w.n(2) == 0 {
		s.MaxInFlight = 1 + w.n(4)
	}
	if w.n(2) == 0 {
		s.AccessLog = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if w.n(2) == 0 {
		s.RequestIDHeader = "X-Request-Id"
	}
	if w.n(2) == 0 {
		w.observe(s)
	}
	w.futures = make(map[string]*aio.Future[int])
	if w.n(2) == 0 {
		s.Handle = w.handle
	} else {
		s.Handler = http.HandlerFunc(w.handler)
	}
	return s
}

// numberKey is the key of a request's number in its ctx.
type numberKey struct{}

// observe has Server.RequestContext number the requests, and Server.Done look
// that each of them ends once.
func (w *randomWorld) observe(s *httpx.Server) {
	w.open = make(map[int]bool)
	last := 0
	s.RequestContext = func(ctx context.Context, h httpx.RequestHead) context.Context {
		w.mu.Lock()
		defer w.mu.Unlock()
		last++
		w.open[last] = true
		return context.WithValue(ctx, numberKey{}, last)
	}
	s.Done = func(s httpx.RequestStats) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.done++
		n, ok := s.Context.Value(numberKey{}).(int)
		if ok && !w.open[n] {
			w.t.Errorf("Done was called twice: %+v", s)
		}
		if ok == (s.Method == "") || s.Status == 0 && s.Outcome == httpx.OutcomeAnswered || s.Duration < 0 {
			w.t.Errorf("Done was told %+v", s)
		}
		delete(w.open, n)
	}
}

// end ends the server, one way or another.
func (w *randomWorld) end(s *httpx.Server, l *aio.Loop) {
	how := w.n(5)
	if w.calm {
		how = max(how, 3)
	}
	switch how {
	case 0:
		s.Close()
	case 3:
		l.Exit(nil)
	case 2:
		ctx, cancel := context.WithTimeout(context.Background(), w.dur(300))
		defer cancel()
		if s.Shutdown(ctx) != nil && w.n(2) == 0 {
			s.Close()
		}
	default:
		s.Shutdown(context.Background())
	}
}

// answer is what a request with that path is answered with, of a size by
// chance.
func (w *randomWorld) answer(path string) (http.Header, []byte) {
	h := http.Header{"X-Path": {path}}
	if w.n(10) == 0 {
		h.Set("Connection", "close")
	}
	size := w.n(100)
	if w.n(4) == 0 {
		size = w.n(200_000)
	}
	return h, []byte(strings.Repeat(path, size/len(path)+1))
}

// begins notes that a handler begins.
func (w *randomWorld) begins(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, path)
}

func (w *randomWorld) note(path string, f *aio.Future[int]) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.futures[path] = f
}

// later calls fn, now or in a goroutine.
func (w *randomWorld) later(fn func()) {
	if w.n(2) == 0 {
		fn()
		return
	}
	w.tasks.Go(func() {
		w.nap(20)
		fn()
	})
}

func (w *randomWorld) handle(r *httpx.Request) {
	path := r.Resource()
	w.begins(path)
	h, body := w.answer(path)
	respond := func() { w.note(path, r.Respond(200, h, body)) }
	if w.n(4) == 0 {
		w.tasks.Go(func() { _ = r.ID() })
	}
	if w.n(8) == 0 {
		w.tasks.Go(func() {
			<-r.Gone() // or it is over
			if w.n(2) == 0 {
				respond()
			}
		})
	}
	switch w.n(8) {
	case 0, 1, 2:
		w.later(respond)
	case 3:
		w.later(respond)
		w.later(respond)
	case 4:
		w.later(func() { w.stream(r, h, body) })
	case 5:
		w.later(func() {
			c, err := r.Upgrade(http.Header{"X-Path": {path}})
			if err != nil {
				respond()
				return
			}
			w.gone(path)
			w.own(c)
		})
	case 6:
		ctx := r.Context()
		aio.Spawn(ctx, "child", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-time.After(w.dur(30)):
			}
			respond()
			return nil
		})
	case 7:
		w.later(func() { w.nap(20); respond() })
		w.nap(20)
	}
	w.nap(10)
	w.die()
}

// die sometimes ends a handler without returning.
func (w *randomWorld) die() {
	n := w.n(24)
	if w.calm {
		n = 23
	}
	switch n {
	case 0:
		panic("by chance")
	case 1:
		panic(http.ErrAbortHandler)
	case 2:
		runtime.Goexit()
	}
}

func (w *randomWorld) stream(r *httpx.Request, h http.Header, body []byte) {
	sw, err := r.Start(200, h)
	if err != nil {
		return
	}
	w.note(r.Resource(), sw.Future())
	for len(body) > 0 && err == nil {
		n := min(1+w.n(20_000), len(body))
		_, err = sw.Write(body[:n])
		body = body[n:]
		if w.n(2) == 0 {
			sw.Flush()
		}
		w.nap(5)
	}
	sw.Close()
}

// own uses a connection that was taken over.
func (w *randomWorld) own(c net.Conn) {
	io.WriteString(c, "mine\n")
	if w.calm { // what the client has not read yet is not to be reset
		c.(*tcp.Conn).CloseAfterFlush()
		return
	}
	w.nap(10)
	if tc, ok := c.(*tcp.Conn); ok && w.n(3) == 0 {
		tc.SetHandler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Close() }})
		time.AfterFunc(w.dur(20), func() { tc.Close() })
		return
	}
	c.SetReadDeadline(time.Now().Add(w.dur(20)))
	io.Copy(io.Discard, c)
	c.Close()
}

func (w *randomWorld) handler(rw http.ResponseWriter, r *http.Request) {
	w.begins(r.URL.Path)
	h, body := w.answer(r.URL.Path)
	for k, v := range h {
		rw.Header()[k] = v
	}
	w.die()
	switch w.n(4) {
	case 0:
		io.Copy(io.Discard, r.Body)
	case 1:
		r.Body.Read(make([]byte, 10))
	case 2:
		r.Body.Close()
	}
	switch w.n(8) {
	case 0:
		if r.Context().Err() != nil {
			return
		}
	case 1:
		select {
		case <-r.Context().Done():
		case <-time.After(w.dur(20)):
		}
	case 2:
		rw.(http.Flusher).Flush()
	case 3:
		if c, _, err := http.NewResponseController(rw).Hijack(); err == nil {
			w.gone(r.URL.Path)
			w.later(func() { w.own(c) })
			w.die()
			return
		}
	case 4:
		aio.Spawn(r.Context(), "child", func(ctx context.Context) error {
			w.nap(20)
			return nil
		})
	case 5:
		rw.WriteHeader(http.StatusProcessing)
	}
	for len(body) > 0 {
		n := min(1+w.n(20_000), len(body))
		if _, err := rw.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
		w.nap(3)
		if w.n(20) == 0 {
			w.die()
		}
	}
}

// gone notes that a request has its answer, or its connection another owner.
func (w *randomWorld) gone(path string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answered[path] = true
}

// request returns a request with a path that no other has.
func (w *randomWorld) request() (path, text string) {
	w.mu.Lock()
	w.paths++
	path = fmt.Sprintf("/%d.", w.paths)
	w.mu.Unlock()
	field := "\r\nHost: h\r\n"
	switch w.n(10) {
	case 0:
		field += "Connection: Upgrade\r\nUpgrade: x\r\n"
	case 1:
		field += "Connection: close\r\n"
	}
	size := w.n(20)
	if w.n(5) == 0 {
		size = w.n(100_000)
	}
	body := strings.Repeat("b", size)
	switch w.n(10) {
	case 0, 1:
		if w.n(4) == 0 {
			field += "Expect: 100-continue\r\n"
		}
		return path, fmt.Sprintf("POST %s HTTP/1.1%sContent-Length: %d\r\n\r\n%s", path, field, size, body)
	case 2:
		return path, fmt.Sprintf("POST %s HTTP/1.1%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", path, field, size+1, body+"b")
	case 3:
		if w.n(8) == 0 {
			return path, "nonsense\r\n\r\n"
		}
	case 4:
		return "/ready", "GET /ready HTTP/1.1" + field + "\r\n"
	}
	return path, "GET " + path + " HTTP/1.1" + field + "\r\n"
}

// client makes requests on one connection.
func (w *randomWorld) client(secure bool) {
	nc, err := w.dial()
	if err != nil {
		return
	}
	plain := nc.(interface {
		SetLinger(sec int) error
		CloseWrite() error
		Close() error
	})
	if secure {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	for range 1 + w.n(4) {
		var text string
		var paths []string
		for range 1 + w.n(5) {
			p, s := w.request()
			paths, text = append(paths, p), text+s
		}
		var sends sync.WaitGroup
		sends.Go(func() { w.send(nc, text) })
		over := false
		do := w.n(8)
		if w.calm {
			do = max(do, 3)
		}
		switch do {
		case 0:
			w.nap(20)
			plain.SetLinger(0)
			plain.Close()
			over = true
		case 1:
			w.nap(20)
			nc.Close()
			over = true
		case 2:
			w.nap(20)
			plain.CloseWrite()
		case 3:
			w.nap(100)
		}
		nc.SetDeadline(time.Now().Add(time.Minute))
		over = over || !w.read(r, paths)
		if over {
			nc.Close()
		}
		sends.Wait()
		if over {
			return
		}
		w.nap(30)
	}
}

// send sends text, in pieces.
func (w *randomWorld) send(c net.Conn, text string) {
	for text != "" {
		n := len(text)
		if w.n(2) == 0 {
			n = min(1+w.n(2000), n)
		}
		if _, err := io.WriteString(c, text[:n]); err != nil {
			return
		}
		text = text[n:]
		w.nap(3)
	}
}

// read reads the answers to requests. It reports whether the connection goes
// on.
func (w *randomWorld) read(r *bufio.Reader, paths []string) bool {
	for i := 0; i < len(paths); {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return false
		}
		if resp.StatusCode < 200 && resp.StatusCode != 101 {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode == 101 {
			return false
		}
		path := paths[i]
		if path != "/ready" && resp.StatusCode < 400 && err == nil {
			if got := resp.Header.Get("X-Path"); got != path || strings.Trim(strings.ReplaceAll(string(body), path, ""), " ") != "" {
				w.t.Errorf("%s is answered with %s and %.40q", path, got, body)
				return false
			}
		}
		if err == nil {
			w.gone(path)
		}
		if err != nil || resp.Close {
			return false
		}
		i++
	}
	return true
}
