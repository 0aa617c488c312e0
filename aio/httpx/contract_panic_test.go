package httpx_test

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
)

// panicking is a case of a handler that panics with v behind before.
func panicking(name string, v any, before func(w http.ResponseWriter)) contract {
	return contract{
		name: name,
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			if before != nil {
				before(w)
			}
			panic(v)
		},
		send: []string{get11},
	}
}

func writeShort(w http.ResponseWriter) { io.WriteString(w, "part") }

func writeLong(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("a", 100000)) }

func flushPart(w http.ResponseWriter) {
	io.WriteString(w, "part")
	w.(http.Flusher).Flush()
}

var panicContracts = []contract{
	panicking("at once", "boom", nil),
	panicking("nil", nil, nil),
	panicking("behind WriteHeader", "boom", func(w http.ResponseWriter) { w.WriteHeader(201) }),
	panicking("behind Write", "boom", writeShort),
	panicking("behind Flush", "boom", flushPart),
	panicking("ErrAbortHandler at once", http.ErrAbortHandler, nil),
	panicking("ErrAbortHandler behind Write", http.ErrAbortHandler, writeShort),
	panicking("ErrAbortHandler behind Flush", http.ErrAbortHandler, flushPart),
	panicking("ErrAbortHandler within a declared length", http.ErrAbortHandler, func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "10")
		flushPart(w)
	}),
	{
		name: "behind a long Write",
		serve: func(_ *side, w http.ResponseWriter, _ *http.Request) {
			writeLong(w)
			panic("boom")
		},
		visit: func(s *side) {
			p := s.dial()
			p.say(get11)
			m := p.head()
			err := p.chunks(new(bytes.Buffer), m)
			s.saw("%v: %v", m.lines, ended(err))
		},
	},
	{
		name:  "Goexit",
		serve: func(*side, http.ResponseWriter, *http.Request) { runtime.Goexit() },
		send:  []string{get11},
	},
	{
		name: "with the body unread",
		serve: func(*side, http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		},
		send: []string{post11("abcde")},
	},
	{
		name: "seen by net/http's client",
		serve: func(_ *side, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/part" {
				flushPart(w)
				panic(http.ErrAbortHandler)
			}
		},
		visit: func(s *side) {
			c := s.web()
			s.do(c, s.request("GET", "/part", nil))
			s.do(c, s.request("GET", "/well", nil))
		},
	},
	{
		name: "recovered by the handler",
		serve: func(s *side, w http.ResponseWriter, _ *http.Request) {
			defer func() {
				s.served("recovered %v", recover())
				w.WriteHeader(500)
			}()
			panic("boom")
		},
		send: []string{get11, get11},
	},
}
