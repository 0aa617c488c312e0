package httpx_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// soak is how many requests a soak makes.
func soak() int {
	if raceEnabled || testing.Short() {
		return 5_000
	}
	return 100_000
}

var errSoak = errors.New("cancelled by the soak")

// soakServer answers with the request's id, in one form or another, and
// sometimes not at all. Some requests it cancels itself, at a known moment.
type soakServer struct {
	cancels sync.Map // of ids: func()
}

func (s *soakServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Path[1:]
	n, _ := strconv.Atoi(id)
	if r.Method == http.MethodPost {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != id {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	cancel := func() {
		if fn, ok := s.cancels.Load(id); ok {
			fn.(func())()
		}
	}
	if n%3 == 0 {
		cancel()
	}
	switch n % 31 {
	case 1: // it dies before the header
		panic(http.ErrAbortHandler)
	case 2: // within it
		abruptly(w, "HTTP/1.1 200 OK\r\nContent-Le")
	case 3: // within the body
		abruptly(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
	case 4: // behind an answer that is whole
		abruptly(w, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(id))+"\r\n\r\n"+id)
	case 5: // it is the end of the connection that ends the body
		abruptly(w, "HTTP/1.0 200 OK\r\n\r\n"+id)
	case 6:
		w.Header().Set("Connection", "close")
		io.WriteString(w, id)
	case 7, 8, 9: // in pieces
		for i := range len(id) {
			io.WriteString(w, id[i:i+1])
			http.NewResponseController(w).Flush()
			if i == 1 {
				cancel()
			}
		}
	case 10: // long
		w.Write(bytes.Repeat([]byte(id+" "), 20_000))
		cancel()
	default:
		io.WriteString(w, id)
	}
}

// abruptly writes text and closes the connection.
func abruptly(w http.ResponseWriter, text string) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		io.WriteString(c, text)
		c.Close()
	}
}

// TestSoak makes many requests to servers that die, and cancels a tenth of them
// at any moment: none hangs, nothing is left, and no request gets the answer to
// another one.
func TestSoak(t *testing.T) {
	for name, start := range map[string]func(*httptest.Server){
		"plain": (*httptest.Server).Start,
		"TLS":   (*httptest.Server).StartTLS,
	} {
		t.Run(name, func(t *testing.T) {
			h := new(soakServer)
			s := httptest.NewUnstartedServer(h)
			s.Config.ErrorLog = quiet
			start(s)
			defer s.Close()
			n := soak()
			if name == "TLS" {
				n /= 10
			}
			var answered, cancelled, failed atomic.Int64
			aiotest.Run(t, func(ctx context.Context) error {
				c := &httpx.Client{MaxConnsPerHost: 40, MaxIdlePerHost: 20, Dialer: anyTLS()}
				late := make(chan *aio.Future[*httpx.Response], 64)
				var cancelling, workers sync.WaitGroup
				cancelling.Go(func() {
					for f := range late {
						f.Cancel(errSoak)
					}
				})
				var next atomic.Int64
				for range 64 {
					workers.Go(func() {
						for i := next.Add(1); i <= int64(n); i = next.Add(1) {
							switch err := h.one(ctx, c, s.URL, strconv.FormatInt(i, 10), late); {
							case err == nil:
								answered.Add(1)
							case errors.Is(err, errSoak):
								cancelled.Add(1)
							case errors.Is(err, aio.ErrConn) || errors.Is(err, aio.ErrEOF):
								failed.Add(1)
							default:
								t.Errorf("request %d: %v", i, err)
							}
						}
					})
				}
				workers.Wait()
				close(late)
				cancelling.Wait()
				c.CloseIdleConnections()
				aiotest.Eventually(t, func() bool { return outgoing(ctx) == 0 })
				return nil
			})
			if a, c := answered.Load(), cancelled.Load(); a < int64(n)*7/10 || c < int64(n)/50 {
				t.Errorf("of %d requests %d were answered, %d cancelled, %d failed", n, a, c, failed.Load())
			}
		})
	}
}

// one makes a request, and cancels one in ten.
func (s *soakServer) one(ctx context.Context, c *httpx.Client, url, id string, late chan<- *aio.Future[*httpx.Response]) error {
	cancel := rand.IntN(10) == 0
	post := rand.IntN(4) == 0
	var f atomic.Pointer[aio.Future[*httpx.Response]]
	if cancel {
		s.cancels.Store(id, func() {
			if f := f.Load(); f != nil {
				f.Cancel(errSoak)
			}
		})
		defer s.cancels.Delete(id)
	}
	if post {
		f.Store(c.Post(ctx, url+"/"+id, "text/plain", []byte(id)))
	} else {
		f.Store(c.Get(ctx, url+"/"+id))
	}
	if cancel {
		switch rand.IntN(4) {
		case 0:
			f.Load().Cancel(errSoak)
		case 1:
			late <- f.Load()
		}
	}
	r, err := f.Load().Await(ctx)
	if err != nil {
		return err
	}
	got, _, _ := strings.Cut(string(r.Body), " ")
	if r.Status != 200 || got != id {
		return fmt.Errorf("the answer is %d %.20q", r.Status, r.Body)
	}
	return nil
}

// TestClosingServer has a server close idle connections at random moments under
// load: GETs never fail, and POSTs are never carried out twice. Over HTTP/2 it
// sometimes also says that a connection accepts no more requests (GOAWAY).
func TestClosingServer(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(protocolName(h2)[1:], func(t *testing.T) {
			closing := &closingServer{t: t, h2: h2, idle: map[net.Conn]bool{}, served: map[net.Conn]int{}}
			s := httptest.NewUnstartedServer(closing)
			s.Config.ConnState = closing.connState
			s.Config.ErrorLog = quiet
			n := soak() / 2
			if s.EnableHTTP2 = h2; h2 {
				n /= 5
				s.StartTLS()
			} else {
				s.Start()
			}
			defer s.Close()
			var posts, failed, cut atomic.Int64
			aiotest.Run(t, func(ctx context.Context) error {
				c := &httpx.Client{MaxIdlePerHost: 16, Dialer: anyTLS()}
				var next atomic.Int64
				var workers sync.WaitGroup
				for range 32 {
					workers.Go(func() {
						for i := next.Add(1); i <= int64(n); i = next.Add(1) {
							id := strconv.FormatInt(i, 10)
							var r *httpx.Response
							var err error
							if i%4 == 0 {
								posts.Add(1)
								if r, err = c.Post(ctx, s.URL+"/"+id, "", []byte("x")).Await(ctx); err != nil {
									failed.Add(1)
									continue
								}
							} else if r, err = c.Get(ctx, s.URL+"/"+id).Await(ctx); h2 && inBody(err) {
								// the answers to others are lost with the
								// connection
								cut.Add(1)
								continue
							}
							wantBody(t, r, err, 200, id)
						}
					})
				}
				workers.Wait()
				return nil
			})
			if f := failed.Load(); f > posts.Load()/5 {
				t.Errorf("%d of %d POSTs failed", f, posts.Load())
			}
			if k := closing.closed.Load(); k == 0 || cut.Load() > k {
				t.Errorf("%d connections were closed, and %d answers broke off", k, cut.Load())
			}
			t.Logf("%d of %d POSTs failed, %d answers broke off, %d connections were closed",
				failed.Load(), posts.Load(), cut.Load(), closing.closed.Load())
		})
	}
}

// inBody reports whether a request has failed behind the header of its answer.
func inBody(err error) bool {
	var e *httpx.Error
	return errors.As(err, &e) && e.Phase == httpx.PhaseBody
}

// closingServer is the server of TestClosingServer.
type closingServer struct {
	t       *testing.T
	h2      bool
	carried sync.Map // the paths of POSTs
	closed  atomic.Int64

	mu   sync.Mutex
	idle map[net.Conn]bool
	// how often they were idle before: over HTTP/2 a new one is
	served map[net.Conn]int
}

func (s *closingServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if _, twice := s.carried.LoadOrStore(r.URL.Path, true); twice {
			s.t.Errorf("POST %s was carried out twice", r.URL.Path)
		}
	}
	if s.h2 && rand.IntN(100) == 0 {
		s.closed.Add(1)
		w.Header().Set("Connection", "close") // which is a GOAWAY
	}
	io.WriteString(w, r.URL.Path[1:])
}

func (s *closingServer) connState(c net.Conn, st http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.idle, c)
	switch st {
	case http.StateIdle:
		// By HTTP/2, closing a connection takes the answers that the client has
		// not read with it. Requests of a second period come from clients that
		// have read some.
		s.idle[c] = !s.h2 || s.served[c] >= 2
		s.served[c]++
	case http.StateClosed:
		delete(s.served, c)
	}
	if rand.IntN(20) > 0 {
		return
	}
	for c, closable := range s.idle { // some of them
		if !closable {
			continue
		}
		if delete(s.idle, c); rand.IntN(2) == 0 {
			break
		}
		s.closed.Add(1)
		c.Close()
	}
}
