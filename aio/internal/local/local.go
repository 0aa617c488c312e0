// Package local keeps what the packages of this module keep with a loop, one
// value for each of them, such as a set of pollers.
package local

import (
	"context"
	"sync"
)

// Store holds the values of one loop. The zero Store is empty and ready for
// use.
type Store struct {
	mu   sync.Mutex
	m    map[any]any
	ends []func()
	over bool
}

// Key is the context key under which an operation's ctx has the *Store of its
// loop.
var Key = new(byte)

// Get returns the value that op's loop has for key. If there is none, init
// makes it. When all operations of the loop have ended or were given up, end is
// called, and may wait for goroutines to end. From then on Get reports false.
func Get(op interface{ Context() context.Context }, key any, init func() (v any, end func())) (any, bool) {
	return op.Context().Value(Key).(*Store).get(key, init)
}

func (s *Store) get(key any, init func() (v any, end func())) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil, false
	}
	v, ok := s.m[key]
	if !ok {
		if s.m == nil {
			s.m = make(map[any]any)
		}
		var end func()
		v, end = init()
		s.m[key] = v
		s.ends = append(s.ends, end)
	}
	return v, true
}

// End closes the store and calls the end functions of its values.
func (s *Store) End() {
	s.mu.Lock()
	ends := s.ends
	s.m, s.ends, s.over = nil, nil, true
	s.mu.Unlock()
	for _, end := range ends {
		end()
	}
}
