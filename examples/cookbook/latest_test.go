package cookbook_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A latest keeps the latest of several texts.
type latest struct {
	mu      sync.Mutex
	text    string
	changed chan struct{} // closed when there is another one
}

func (l *latest) set(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.text, l.changed = text, make(chan struct{})
}

func (l *latest) get() (text string, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text, l.changed
}

// server returns a server that sends the latest text to each connection
// whenever that has sent the one before. It drops a connection whose peer reads
// nothing for as long as patience.
func (l *latest) server(patience time.Duration) *tcp.Server {
	return &tcp.Server{HighWater: 1, WriteTimeout: patience, Handler: tcp.Handler{Open: func(c *tcp.Conn) {
		aio.Daemon(c.Context(), "feed", func(ctx context.Context) error {
			for {
				select {
				case <-c.Writable(): // the queue is empty
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				text, changed := l.get()
				if _, err := c.SendString(text + "\n").Result(); err != nil && !errors.Is(err, aio.ErrPending) {
					return nil // the connection has ended
				}
				select {
				case <-changed:
				case <-c.Done():
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
		})
	}}}
}

func Example_latestValue() {
	network := aiotest.Network{BufferSize: 4} // less than a text
	dropped := make(chan error, 1)
	loop := &aio.Loop{OnEvent: func(e aio.Event) {
		if !aio.IsInfo(e.Err) {
			dropped <- e.Err
		}
	}}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		feed := &latest{text: "price 1000", changed: make(chan struct{})}
		ln, err := network.Listen("feed:1")
		if err != nil {
			return err
		}
		server := feed.server(500 * time.Millisecond)
		if err := server.StartOn(ctx, ln); err != nil {
			return err
		}
		defer server.Close()
		dialer := &tcp.Dialer{DialContext: network.DialContext}
		dial := func() (*tcp.Conn, *bufio.Reader) {
			c, err := dialer.Dial(ctx, "feed:1").Await(ctx)
			if err != nil {
				panic(err)
			}
			return c, bufio.NewReader(c)
		}
		quick, quickLines := dial()
		slow, slowLines := dial()
		defer slow.Close()
		// the first text has been sent
		if _, err := slowLines.Peek(1); err != nil {
			return err
		}
		for i := 1001; i <= 1005; i++ {
			line, err := quickLines.ReadString('\n')
			if err != nil {
				return err
			}
			fmt.Print("quick: ", line)
			if i < 1005 {
				feed.set(fmt.Sprint("price ", i))
			}
		}
		quick.Close()
		for range 2 {
			line, err := slowLines.ReadString('\n')
			if err != nil {
				return err
			}
			fmt.Print("slow: ", line)
		}
		feed.set("price 1005")
		fmt.Println("slow takes nothing more:", errors.Is(<-dropped, aio.ErrTimeout))
		_, err = io.Copy(io.Discard, slow)
		fmt.Println("and sees a reset:", errors.Is(err, aio.ErrReset))
		return nil
	})
	fmt.Println(err)
	// Output:
	// quick: price 1000
	// quick: price 1001
	// quick: price 1002
	// quick: price 1003
	// quick: price 1004
	// slow: price 1000
	// slow: price 1004
	// slow takes nothing more: true
	// and sees a reset: true
	// <nil>
}
