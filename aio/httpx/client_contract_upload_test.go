package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing/synctest"
	"time"
)

// uploads is a case of a body that is sent.
func uploads(name string, body func() io.Reader, set func(r *http.Request)) clientContract {
	return clientContract{
		name: name,
		serve: func(s *clientSide, w http.ResponseWriter, r *http.Request) {
			// otherwise the number of bytes varies
			if b, err := io.ReadAll(r.Body); err == nil {
				s.served("%d bytes told, %s", r.ContentLength, clipBody(b))
			}
		},
		visit: func(s *clientSide) {
			counted := &countedBody{Reader: body()}
			r := s.request("POST", "/", counted)
			if set != nil {
				set(r)
			}
			s.do(r)
			time.Sleep(time.Second)
			s.saw("the body was closed: %v", counted.closed.Load() > 0)
		},
	}
}

func textOf(n int) func() io.Reader {
	return func() io.Reader { return strings.NewReader(strings.Repeat("0123456789", n/10)) }
}

func length(n int64) func(r *http.Request) { return func(r *http.Request) { r.ContentLength = n } }

var errUpload = errors.New("no more")

// failsAfter is a body that fails behind a text.
func failsAfter(text string) func() io.Reader {
	return func() io.Reader {
		return io.MultiReader(strings.NewReader(text), readerFunc(func([]byte) (int, error) { return 0, errUpload }))
	}
}

// answersEarly is a case of an answer that comes before the body.
func answersEarly(name string, code, size int, closes bool) clientContract {
	return clientContract{
		name: name,
		serve: func(s *clientSide, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/next" {
				io.WriteString(w, "next")
				return
			}
			if closes {
				w.Header().Set("Connection", "close")
			}
			w.WriteHeader(code)
			io.WriteString(w, "early")
			if code < 300 && !closes {
				http.NewResponseController(w).EnableFullDuplex()
				http.NewResponseController(w).Flush()
				n, err := io.Copy(io.Discard, r.Body)
				s.served("%d bytes, %s", n, failure(err))
			}
		},
		visit: func(s *clientSide) {
			body, end := io.Pipe()
			sent := make(chan error, 1)
			go func() {
				_, err := io.Copy(end, io.LimitReader(endlessly{}, int64(size)))
				end.Close()
				sent <- err
			}()
			resp, err := s.rt.RoundTrip(s.request("POST", "/", body))
			if err != nil {
				s.saw("%s", failure(err))
			} else {
				s.saw("%s", resp.Status)
				s.body(resp)
			}
			time.Sleep(2 * time.Second)
			end.CloseWithError(errUpload)
			s.saw("the body's writer: %s", failure(<-sent))
			synctest.Wait()
			s.get("/next")
		},
	}
}

var clientUploadContracts = []clientContract{
	uploads("unknown length", textOf(10), nil),
	uploads("unknown length, long", textOf(1_000_000), nil),
	uploads("unknown and empty", textOf(0), nil),
	uploads("known length", textOf(10), length(10)),
	uploads("known length, long", textOf(1_000_000), length(1_000_000)),
	uploads("too short", textOf(10), length(20)),
	uploads("empty, and a length", textOf(0), length(10)),
	uploads("too long", textOf(20), length(10)),
	uploads("fails at once", failsAfter(""), nil),
	uploads("fails within", failsAfter("hello"), nil),
	uploads("fails within, long", failsAfter(strings.Repeat("x", 100_000)), length(200_000)),
	uploads("one byte at a time", func() io.Reader { return oneByOne{strings.NewReader("hello")} }, nil),
	uploads("data with EOF", func() io.Reader { return dataErr{strings.NewReader("hello")} }, length(5)),
	answersEarly("answered early, and read", 200, 100_000, false),
	answersEarly("refused early", 413, 8<<20, false),
	answersEarly("refused early, and closed", 413, 8<<20, true),
	answersEarly("accepted early", 200, 8<<20, true),
	{
		name: "full duplex",
		serve: func(s *clientSide, w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			rc.EnableFullDuplex()
			w.WriteHeader(200)
			rc.Flush()
			b := make([]byte, 5)
			for {
				if _, err := io.ReadFull(r.Body, b); err != nil {
					s.served("at the end: EOF %v", err == io.EOF)
					return
				}
				w.Write(b)
				rc.Flush()
			}
		},
		visit: func(s *clientSide) {
			body, w := io.Pipe()
			resp, err := s.rt.RoundTrip(s.request("POST", "/", body))
			if err != nil {
				s.saw("%s", failure(err))
				return
			}
			b := make([]byte, 5)
			for _, text := range []string{"hello", "again"} {
				time.Sleep(10 * time.Second)
				io.WriteString(w, text)
				n, err := io.ReadFull(resp.Body, b)
				s.saw("%q, %s", b[:n], failure(err))
			}
			w.Close()
			s.body(resp)
		},
	},
	{
		name: "cancelled",
		serve: func(s *clientSide, w http.ResponseWriter, r *http.Request) {
			s.fire("served")
			_, err := io.Copy(io.Discard, r.Body)
			s.served("%s, and its ctx ends: %v", failure(err), ends(r.Context()))
		},
		visit: func(s *clientSide) {
			body, w := io.Pipe()
			ctx, cancel := context.WithCancel(s.ctx)
			var begin time.Time
			go func() {
				<-s.when("served")
				io.WriteString(w, "hello")
				begin = time.Now()
				cancel()
				time.Sleep(10 * time.Second)
				w.CloseWithError(context.Canceled) // with a Close net/http may end the request well
			}()
			s.do(s.request("POST", "/", body).WithContext(ctx))
			s.saw("after %v", time.Since(begin))
			synctest.Wait()
			_, err := io.WriteString(w, "x")
			s.saw("the body is closed: %v", errors.Is(err, io.ErrClosedPipe))
			time.Sleep(10 * time.Second)
		},
	},
	expects("wanted", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d", len(b))
	}),
	expects("refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusExpectationFailed) }),
	expects("answered late", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(5 * time.Second)
		w.WriteHeader(http.StatusTeapot)
	}),
}

// ends waits for the end of a context, for a while.
func ends(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	case <-time.After(time.Minute):
		return false
	}
}

// oneByOne reads a byte at a time.
type oneByOne struct{ io.Reader }

func (r oneByOne) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 1)]) }

// dataErr returns the last bytes together with io.EOF.
type dataErr struct{ r *strings.Reader }

func (r dataErr) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if r.r.Len() == 0 {
		err = io.EOF
	}
	return n, err
}

// expects is a case of "Expect: 100-continue".
func expects(name string, serve func(w http.ResponseWriter, r *http.Request)) clientContract {
	return clientContract{
		name:  "100-continue " + name,
		serve: func(_ *clientSide, w http.ResponseWriter, r *http.Request) { serve(w, r) },
		visit: func(s *clientSide) {
			begin := time.Now()
			read := false
			body := readerFunc(func([]byte) (int, error) {
				if !read {
					s.saw("the body is read after %v", time.Since(begin).Round(time.Second))
				}
				read = true
				return 0, io.EOF
			})
			r := s.request("POST", "/", body)
			r.Header.Set("Expect", "100-continue")
			r.ContentLength = -1
			s.do(r)
			s.saw("after %v", time.Since(begin).Round(time.Second))
		},
	}
}

// traces returns a context with a trace whose hooks make notes.
func (s *clientSide) traces() context.Context {
	return httptrace.WithClientTrace(s.ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { s.saw("trace: get") },
		GotConn:              func(i httptrace.GotConnInfo) { s.saw("trace: got, reused %v", i.Reused) },
		PutIdleConn:          func(err error) { s.saw(wire+"trace: put, %s", failure(err)) },
		GotFirstResponseByte: func() { s.saw("trace: first byte") },
		Got100Continue:       func() { s.saw("trace: 100") },
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			s.saw("trace: %d %s", code, fieldsOf(http.Header(h)))
			if h.Get("X-Refuse") != "" {
				return errUpload
			}
			return nil
		},
		WroteHeaders: func() { s.saw("trace: wrote header") },
		WroteRequest: func(i httptrace.WroteRequestInfo) { s.saw("trace: wrote, %s", failure(i.Err)) },
	})
}

// interims is a case of interim responses, for which a trace's hook is called.
func interims(name string, serve func(w http.ResponseWriter)) clientContract {
	return clientContract{
		name:  name,
		serve: func(_ *clientSide, w http.ResponseWriter, _ *http.Request) { time.Sleep(time.Second); serve(w) },
		visit: func(s *clientSide) { s.do(s.request("GET", "/", nil).WithContext(s.traces())); s.get("/") },
	}
}

var clientInterimContracts = []clientContract{
	interims("none", func(http.ResponseWriter) {}),
	interims("100", func(w http.ResponseWriter) { w.WriteHeader(100) }),
	interims("103", func(w http.ResponseWriter) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(103)
		w.Header().Del("Link")
		w.WriteHeader(201)
	}),
	interims("102 and 103", func(w http.ResponseWriter) { w.WriteHeader(102); w.WriteHeader(103) }),
	interims("ten", func(w http.ResponseWriter) {
		for range 10 {
			w.WriteHeader(103)
		}
	}),
	interims("forty", func(w http.ResponseWriter) {
		for range 40 {
			w.WriteHeader(103)
		}
	}),
	interims("refused by the trace", func(w http.ResponseWriter) { w.Header().Set("X-Refuse", "1"); w.WriteHeader(103) }),
	{
		name: "trace of a POST",
		serve: func(_ *clientSide, w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			time.Sleep(time.Second)
		},
		visit: func(s *clientSide) {
			for range 2 {
				s.do(s.request("POST", "/", strings.NewReader("hello")).WithContext(s.traces()))
				synctest.Wait()
			}
		},
	},
}
