package aio

// A hook is an entry in the list of resolvers that are called when an operation
// is resolved. The operation's lock guards the hook while it is in the list.
type hook struct {
	next *hook // registered before this one
	to   resolver
	i    int // the argument for to
}

// A resolver is called when an operation is resolved, in the goroutine that
// resolves it and without a lock held. It must not block or panic.
type resolver interface {
	resolved(i int)
}

// hookFunc is a function as a resolver.
type hookFunc func()

func (f hookFunc) resolved(int) { f() }

// doneChan is a channel that is closed once the result is there.
type doneChan chan struct{}

func (c doneChan) resolved(int) { close(c) }

// hook arranges to call h.to once the operation is resolved. It reports false,
// and does nothing, if the operation is resolved already.
func (o *Op) hook(h *hook) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.resolved() {
		return false
	}
	h.next, o.hooks = o.hooks, h
	return true
}

// hookAlone is hook for an operation without hooks. It does nothing and reports
// false if there is one.
func (o *Op) hookAlone(h *hook) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.resolved() || o.hooks != nil {
		return false
	}
	o.hooks = h
	return true
}

// unhook takes a hook out of the operation's list, if it is there.
func (o *Op) unhook(h *hook) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for p := &o.hooks; *p != nil; p = &(*p).next {
		if *p == h {
			*p, h.next = h.next, nil
			return
		}
	}
}

// takeHooks empties the operation's list. It returns the hooks in the order in
// which they were registered, and separately the channels of parkers, whose
// hooks may be used again as soon as the result is visible. The lock is held.
func (o *Op) takeHooks() (hooks *hook, parked chan struct{}, more []chan struct{}) {
	for h := o.hooks; h != nil; {
		next := h.next
		switch p, ok := h.to.(*parker); {
		case !ok:
			h.next, hooks = hooks, h
		case parked == nil:
			h.next, parked = nil, p.ch
		default:
			h.next, more = nil, append(more, p.ch)
		}
		h = next
	}
	o.hooks = nil
	return hooks, parked, more
}

// doneChan returns the channel that is closed once the result is there.
func (o *Op) doneChan() <-chan struct{} {
	if o.resolved() {
		return closed
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.resolved() {
		return closed
	}
	for h := o.hooks; h != nil; h = h.next {
		if ch, ok := h.to.(doneChan); ok {
			return ch
		}
	}
	ch := make(doneChan)
	o.hooks = &hook{next: o.hooks, to: ch}
	return ch
}

// closed is the Done channel of every operation that was resolved before its
// Done channel was asked for.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// then calls fn once the operation is resolved: now, or in the goroutine that
// resolves it. fn must not block or panic.
func (o *Op) then(fn func()) {
	if !o.hook(&hook{to: hookFunc(fn)}) {
		fn()
	}
}
