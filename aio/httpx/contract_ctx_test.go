package httpx_test

import (
	"context"
	"net/http"
)

// ctxContracts is about when a request's ctx ends.
var ctxContracts = []contract{{
	name: "ends when the handler has returned",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		done := r.Context().Done()
		s.served("before: %v", r.Context().Err())
		go func() {
			<-done
			s.served("after: %v", r.Context().Err())
			s.signal("ended")
		}()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.answer("GET")
		s.await("ended")
		p.probe()
	},
}, {
	name: "asked for when the handler has returned",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		go func() {
			s.await("returned")
			s.served("ctx: %v", r.Context().Err())
			s.signal("asked")
		}()
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.answer("GET")
		p.probe()
		s.signal("returned")
		s.await("asked")
	},
}, {
	name: "ends when the client leaves",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.signal("begun")
		<-r.Context().Done()
		s.served("ctx: %v", r.Context().Err())
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		s.await("begun")
		p.Close()
	},
}, {
	name: "ends when the client leaves, its body read",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.readAll(r.Body)
		s.signal("begun")
		<-r.Context().Done()
		s.served("ctx: %v", r.Context().Err())
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(post11("abcde"))
		s.await("begun")
		p.Close()
	},
}, {
	name: "ends when the client leaves a stream",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		s.served("ctx: %v", r.Context().Err())
	},
	visit: func(s *side) {
		p := s.dial()
		p.say(get11)
		p.interim()
		p.Close()
	},
}, {
	name: "ends when net/http's client gives up",
	serve: func(s *side, w http.ResponseWriter, r *http.Request) {
		s.signal("begun")
		<-r.Context().Done()
		s.served("ctx: %v", r.Context().Err())
	},
	visit: func(s *side) {
		r := s.request("GET", "/", nil)
		ctx, cancel := context.WithCancel(r.Context())
		go func() {
			s.await("begun")
			cancel()
		}()
		// the end of the handler may come first
		if resp, err := s.web().Do(r.WithContext(ctx)); err == nil {
			resp.Body.Close()
		}
	},
}, {
	name: "has no deadline, and no values of the client's",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		_, ok := r.Context().Deadline()
		s.served("deadline %v", ok)
	},
	send: []string{get11},
}, {
	name: "lasts from request to request",
	serve: func(s *side, _ http.ResponseWriter, r *http.Request) {
		s.served("ctx: %v", r.Context().Err())
	},
	send: []string{get11, get11, get11},
}}
