package aio

import "sync"

// locals is what drivers keep with a loop.
type locals struct {
	mu   sync.Mutex
	m    map[any]any
	ends []func()
	over bool
}

// Local returns what a driver of goaio's own keeps with the operation's loop
// under key, made by init on first use. When all operations have ended or were
// given up, end is called, which may wait for the goroutines of what it ends.
// It reports false once the loop has come that far.
func (o *Op) Local(key any, init func() (v any, end func())) (any, bool) {
	l := &o.run.locals
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return nil, false
	}
	v, ok := l.m[key]
	if !ok {
		if l.m == nil {
			l.m = make(map[any]any)
		}
		var end func()
		v, end = init()
		l.m[key] = v
		l.ends = append(l.ends, end)
	}
	return v, true
}

// end ends what drivers keep with the loop.
func (l *locals) end() {
	l.mu.Lock()
	ends := l.ends
	l.m, l.ends, l.over = nil, nil, true
	l.mu.Unlock()
	for _, fn := range ends {
		fn()
	}
}
