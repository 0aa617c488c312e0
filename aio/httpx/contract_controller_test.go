package httpx_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// wrapped is what middleware puts around a ResponseWriter: no more than it
// must, and Unwrap.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// controlled makes a case of handlers with a ResponseController: one that has
// the writer itself, and one that has it through two wrappers.
func controlled(name string, serve func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController), visit func(s *side)) contract {
	return contract{
		name: name,
		serve: func(s *side, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wrapped" {
				w = wrapped{wrapped{w}}
			}
			serve(s, w, r, http.NewResponseController(w))
		},
		visit: visit,
	}
}

// both has a raw client send text to the bare and to the wrapped writer, on
// separate connections.
func both(method, text string, read func(p *wireConn)) func(s *side) {
	return func(s *side) {
		for _, path := range []string{"/bare", "/wrapped"} {
			p := s.dial()
			p.say(method + " " + path + " HTTP/1.1\r\nHost: h\r\n" + text)
			read(p)
			s.returned()
		}
	}
}

func answerAndProbe(method string) func(p *wireConn) {
	return func(p *wireConn) {
		p.answer(method)
		p.probe()
	}
}

// past is a deadline that has passed.
var past = time.Unix(1, 0)

var controllerContracts = []contract{
	controlled("Flush", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		io.WriteString(w, "one")
		s.served("Flush: %v", rc.Flush())
		s.await(r.URL.Path)
		io.WriteString(w, "two")
	}, func(s *side) {
		for _, path := range []string{"/bare", "/wrapped"} {
			p := s.dial()
			p.say("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
			for _, line := range p.head().lines {
				s.saw("%s", line)
			}
			p.expect("3\r\none\r\n")
			s.signal(path)
			p.expect("3\r\ntwo\r\n0\r\n\r\n")
		}
	}),
	controlled("Hijack", func(s *side, _ http.ResponseWriter, _ *http.Request, rc *http.ResponseController) {
		c, b, err := rc.Hijack()
		s.served("Hijack: %v", err)
		if err == nil {
			s.gets(b, "early")
			io.WriteString(c, "raw")
			c.Close()
		}
	}, both("GET", "\r\nearly", (*wireConn).rest)),
	controlled("read deadline of a body that stalls", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		s.gets(r.Body, "ab")
		s.served("SetReadDeadline: %v", rc.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		_, err := r.Body.Read(make([]byte, 10))
		s.served("Read: timeout %v", errors.Is(err, os.ErrDeadlineExceeded))
		w.WriteHeader(408)
	}, both("POST", "Content-Length: 5\r\n\r\nab", answerAndProbe("POST"))),
	controlled("read deadline that has passed", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		s.served("SetReadDeadline: %v", rc.SetReadDeadline(past))
		_, err := io.ReadAll(r.Body)
		s.served("Read: timeout %v", errors.Is(err, os.ErrDeadlineExceeded))
		io.WriteString(w, "late")
	}, both("POST", "Content-Length: 5\r\n\r\nab", answerAndProbe("POST"))),
	controlled("read deadline taken back", func(s *side, _ http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		s.served("SetReadDeadline: %v", rc.SetReadDeadline(time.Now().Add(time.Hour)))
		s.gets(r.Body, "ab")
		s.served("SetReadDeadline: %v", rc.SetReadDeadline(time.Time{}))
		s.signal(r.URL.Path)
		s.gets(r.Body, "cde")
	}, both("POST", "Content-Length: 5\r\n\r\nab", func(p *wireConn) {
		p.say("cde")
		p.answer("POST")
		p.probe()
	})),
	controlled("read deadline and no body", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		s.served("SetReadDeadline: %v", rc.SetReadDeadline(past))
		_, err := io.ReadAll(r.Body)
		s.served("Read: %v", err)
		io.WriteString(w, "fine")
	}, both("GET", "\r\n", func(p *wireConn) { p.answer("GET") })),
	controlled("read deadline of a hijacked connection", func(s *side, _ http.ResponseWriter, _ *http.Request, rc *http.ResponseController) {
		c, b, err := rc.Hijack()
		if err != nil {
			s.served("Hijack: %v", err)
			return
		}
		defer c.Close()
		s.served("SetReadDeadline: %v", c.SetReadDeadline(past))
		_, err = c.Read(make([]byte, 1))
		s.served("Read: %v", err)
		s.served("SetReadDeadline: %v", c.SetReadDeadline(time.Time{}))
		s.served("Write: %v", errorOf(io.WriteString(c, "ping")))
		s.gets(b, "pong")
	}, both("GET", "\r\n", func(p *wireConn) {
		p.expect("ping")
		p.say("pong")
	})),
	controlled("write deadline of a client that does not read", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		context.AfterFunc(r.Context(), func() { s.signal(r.URL.Path) })
		s.served("SetWriteDeadline: %v", rc.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 1<<20))
		}
		s.served("Write: timeout %v", errors.Is(err, os.ErrDeadlineExceeded))
		s.served("Flush fails: %v", rc.Flush() != nil)
	}, func(s *side) {
		for _, path := range []string{"/bare", "/wrapped"} {
			p := s.dial()
			p.say("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n")
			s.await(path)
			p.Close() // for which net/http's TLS may wait before Write returns
			s.returned()
		}
	}),
	controlled("write deadline that has passed", func(s *side, w http.ResponseWriter, _ *http.Request, rc *http.ResponseController) {
		s.served("SetWriteDeadline: %v", rc.SetWriteDeadline(past))
		s.writes(w, "late")
		err := rc.Flush()
		s.served("Flush: timeout %v", errors.Is(err, os.ErrDeadlineExceeded))
	}, both("GET", "\r\n", (*wireConn).rest)),
	controlled("write deadline lasts for a request", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		if r.URL.RawQuery == "" {
			s.served("SetWriteDeadline: %v", rc.SetWriteDeadline(time.Now().Add(time.Hour)))
		}
		io.WriteString(w, "in time")
	}, both("GET", "\r\n", func(p *wireConn) {
		p.answer("GET")
		p.say("GET /?again HTTP/1.1\r\nHost: h\r\n\r\n")
		p.answer("GET")
	})),
	controlled("full duplex", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		s.served("EnableFullDuplex: %v", rc.EnableFullDuplex())
		s.gets(r.Body, "ab")
		io.WriteString(w, "ab")
		s.served("Flush: %v", rc.Flush())
		s.gets(r.Body, "cde")
		io.WriteString(w, "cde")
	}, both("POST", "Content-Length: 5\r\n\r\nab", func(p *wireConn) {
		p.head()
		p.expect("2\r\nab\r\n")
		p.say("cde")
		p.expect("3\r\ncde\r\n0\r\n\r\n")
		p.probe()
	})),
	controlled("full duplex, the body unread", func(s *side, w http.ResponseWriter, _ *http.Request, rc *http.ResponseController) {
		s.served("EnableFullDuplex: %v", rc.EnableFullDuplex())
		io.WriteString(w, "body")
	}, both("POST", "Content-Length: 5\r\n\r\nabcde", answerAndProbe("POST"))),
	controlled("no full duplex", func(s *side, w http.ResponseWriter, r *http.Request, rc *http.ResponseController) {
		s.gets(r.Body, "ab")
		io.WriteString(w, "ab")
		s.served("Flush: %v", rc.Flush())
		_, err := io.ReadAll(r.Body)
		s.served("Read: %v", err)
	}, both("POST", "Content-Length: 5\r\n\r\nabcde", answerAndProbe("POST"))),
	controlled("of a writer without Unwrap", func(s *side, w http.ResponseWriter, _ *http.Request, _ *http.ResponseController) {
		rc := http.NewResponseController(struct{ http.ResponseWriter }{w})
		s.served("Flush: %v", rc.Flush())
		s.served("SetReadDeadline: %v", rc.SetReadDeadline(time.Time{}))
		s.served("SetWriteDeadline: %v", rc.SetWriteDeadline(time.Time{}))
		s.served("EnableFullDuplex: %v", rc.EnableFullDuplex())
		_, _, err := rc.Hijack()
		s.served("Hijack: %v", err)
	}, both("GET", "\r\n", answerAndProbe("GET"))),
}

func errorOf[T any](_ T, err error) error { return err }
