package tcp_test

import (
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// sendUntilFails sends until that fails, as it does when the peer has gone.
func sendUntilFails(w *world, c *tcp.Conn) {
	w.Helper()
	aiotest.Eventually(w, func() bool {
		_, err := c.SendString("x").Await(w.ctx)
		return err != nil
	})
}

// What the peer has said before it closed is given to the handler, although
// sending has failed by then: then the condition is reported.
func TestLastWords(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		closed := make(chan struct{})
		first := true
		client := w.dial(w.start(&tcp.Server{Handler: p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			if first {
				first = false
				<-closed
				sendUntilFails(w, c)
			}
		}})}))
		client.SendString("hello ")
		p.wantData("hello ")
		client.SendString("last words")
		client.Close()
		close(closed)
		p.want(aio.ErrReset, "open", "data", "connection reset by peer", "closed")
		p.wantData("hello last words")
	})
}

// So it is when sending fails in the background, with a queue that keeps the
// handler from being given data.
func TestLastWordsBehindQueue(t *testing.T) {
	overAll(t, func(w *world) {
		if w.memory() {
			return // whose resets destroy what is unread
		}
		p := newTape(w)
		server := &tcp.Server{HighWater: 1, Handler: p.handler(tcp.Handler{Open: func(c *tcp.Conn) {
			c.SendOwned(make([]byte, 16<<20))
		}})}
		client := w.dial(w.start(server))
		soon(w, p.conn)
		// which the kernel accepts while the peer does not read: an abort drops
		// what has not arrived
		words := numbers(48 << 10)
		if _, err := client.Write(words); err != nil {
			w.Errorf("client.Write: %v", err)
		}
		client.Abort() // there is data that it has not read
		p.want(aio.ErrReset, "open", "data", "connection reset by peer", "closed")
		p.wantData(string(words))
	})
}

// Closing a connection on which sending has failed does not hide that.
func TestCloseAfterFailedSend(t *testing.T) {
	for how, end := range map[string]func(c *tcp.Conn) error{
		"Close": (*tcp.Conn).Close, "CloseAfterFlush": (*tcp.Conn).CloseAfterFlush, "Abort": (*tcp.Conn).Abort,
	} {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				p := newTape(w)
				closed := make(chan struct{})
				client := w.dial(w.start(&tcp.Server{Handler: p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
					<-closed
					sendUntilFails(w, c)
					if err := end(c); err != nil {
						w.Errorf("end: %v", err)
					}
				}})}))
				client.SendString("hello")
				p.wantData("hello")
				client.Close()
				close(closed)
				p.want(aio.ErrReset, "open", "data", "connection reset by peer", "closed")
			})
		})
	}
}
