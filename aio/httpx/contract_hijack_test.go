package httpx_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// hijack takes a request's connection over, and notes how that went. The
// connection is closed at the case's end.
func (s *side) hijack(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		s.served("no Hijacker")
		return nil, nil
	}
	c, b, err := h.Hijack()
	s.served("Hijack: %v", err)
	if err != nil {
		return nil, nil
	}
	s.atEnd(func() { c.Close() })
	return c, b
}

// gets reads as many bytes as text has, and notes them.
func (s *side) gets(r io.Reader, text string) {
	got := make([]byte, len(text))
	n, err := io.ReadFull(r, got)
	s.served("read %q, %v", got[:n], err)
}

// post11 is a request with a body of 5 bytes, of which it contains body.
func post11(body string) string {
	return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n" + body
}

var hijackContracts = []contract{{
	name: "writes raw",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		c, _ := s.hijack(w)
		io.WriteString(c, "anything\n")
		c.Close()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.rest()
	},
}, {
	name: "writes through its buffer",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		c, b := s.hijack(w)
		b.WriteString("anything\n")
		s.served("Flush: %v", b.Flush())
		c.Close()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.rest()
	},
}, {
	name: "has what was sent already, and what is sent later",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		_, b := s.hijack(w)
		s.gets(b, "early")
		s.signal("early")
		s.gets(b, "late")
		b.WriteString("bye")
		b.Flush()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11 + "early")
		s.await("early")
		p.say("late")
		p.expect("bye")
	},
}, {
	name: "goes on when the handler has returned",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		c, b := s.hijack(w)
		go func() {
			s.await("returned")
			s.gets(b, "ping")
			io.WriteString(c, "pong")
			c.Close()
		}()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		s.returned()
		s.signal("returned")
		p.say("ping")
		p.rest()
	},
}, {
	name: "ctx goes on",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		c, b := s.hijack(w)
		s.gets(b, "ping")
		s.served("ctx: %v", r.Context().Err())
		io.WriteString(c, "pong")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.say("ping")
		p.expect("pong")
	},
}, {
	name: "within a body",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.gets(r.Body, "ab")
		c, b := s.hijack(w)
		s.gets(b, "cde")
		io.WriteString(c, "raw")
		c.Close()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(post11("abcde"))
		p.rest()
	},
}, {
	name: "behind a body",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.gets(r.Body, "abcde")
		c, b := s.hijack(w)
		s.gets(b, "raw")
		c.Close()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(post11("abcderaw"))
		p.rest()
	},
}, {
	name: "body afterwards",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		c, _ := s.hijack(w)
		_, err := r.Body.Read(make([]byte, 1))
		s.served("Body.Read: %v", err)
		c.Close()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(post11("abcde"))
		p.rest()
	},
}, {
	name: "after Write",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		s.writes(w, "never seen")
		c, _ := s.hijack(w)
		if c != nil {
			io.WriteString(c, "raw")
			c.Close()
		}
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.rest()
	},
}, {
	name: "after Flush",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		w.(http.Flusher).Flush()
		c, _ := s.hijack(w)
		if c != nil {
			io.WriteString(c, "raw")
			c.Close()
		}
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.answer("GET")
		p.rest()
	},
}, {
	name: "the writer afterwards",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		c, _ := s.hijack(w)
		w.WriteHeader(500)
		s.writes(w, "a")
		s.hijack(w)
		c.Close()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.rest()
	},
}, {
	name: "panic afterwards",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		c, _ := s.hijack(w)
		io.WriteString(c, "raw")
		s.signal("hijacked")
		s.await("read")
		panic("boom")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.expect("raw")
		s.signal("read")
	},
}, {
	name: "second request of a connection",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/hijack" {
			return
		}
		c, b := s.hijack(w)
		s.gets(b, "more")
		io.WriteString(c, "raw")
		c.Close()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11 + "GET /hijack HTTP/1.1\r\nHost: h\r\n\r\nmore")
		p.answer("GET")
		p.rest()
	},
}, {
	name: "upgrade",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.served("Upgrade: %q", r.Header["Upgrade"])
		c, b := s.hijack(w)
		b.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		b.Flush()
		s.gets(b, "ping")
		io.WriteString(c, "pong")
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(upgrade)
		p.answer("GET")
		p.say("ping")
		p.expect("pong")
	},
}, {
	name: "upgrade that is declined",
	serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "no")
	},
	send: []string{upgrade},
}, {
	name: "upgrade by net/http's client",
	serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
		c, b := s.hijack(w)
		b.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		b.Flush()
		s.gets(b, "ping")
		io.WriteString(c, "pong")
		c.Close()
	},
	visit: func(s *side) {
		resp, err := s.web().Do(s.request("GET", "/", nil, "Connection: Upgrade", "Upgrade: echo"))
		if err != nil {
			s.saw("client: %v", err)
			return
		}
		defer resp.Body.Close()
		s.saw("client: %s", resp.Status)
		rw := resp.Body.(io.ReadWriter)
		io.WriteString(rw, "ping")
		all, _ := io.ReadAll(rw)
		s.saw("client: %q", all)
	},
}}
