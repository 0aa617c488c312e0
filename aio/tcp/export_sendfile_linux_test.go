package tcp

import "sync/atomic"

// CountSendfile has the calls of sendfile counted, each of which fn makes
// instead if it is not nil, until restore is called.
func CountSendfile(fn func(call int) error) (calls *atomic.Int64, restore func()) {
	old := sendfileCall
	calls = new(atomic.Int64)
	sendfileCall = func(to, from, n int) (int, error) {
		if i := int(calls.Add(1)); fn != nil {
			if err := fn(i); err != nil {
				return 0, err
			}
		}
		return old(to, from, n)
	}
	return calls, func() { sendfileCall = old }
}

// Lent reports whether a bare connection's sendFile uses the socket.
func Lent(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bare.lent
}

// AfterSendfile has after called with the error of each call of sendfile,
// before that is known to the connection, until restore is called.
func AfterSendfile(after func(err error)) (restore func()) {
	old := sendfileCall
	sendfileCall = func(to, from, n int) (int, error) {
		n, err := old(to, from, n)
		after(err)
		return n, err
	}
	return func() { sendfileCall = old }
}

// AwaitsWriter reports whether somebody waits for the outgoing stream.
func AwaitsWriter(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extra().free.Awaited()
}
