package cookbook_test

import (
	"bufio"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// A forwarder connects each client with the target that is set at that time.
type forwarder struct {
	target atomic.Pointer[string]
	dialer tcp.Dialer
	server tcp.Server
}

// start starts the forwarder on addr or, after a tcp.HandOver, on the listener
// of its predecessor.
func (f *forwarder) start(ctx context.Context, addr, target string) error {
	f.reload(target)
	f.dialer = tcp.Dialer{Timeout: 5 * time.Second, ReadTimeout: time.Hour}
	f.server = tcp.Server{ReadTimeout: time.Hour, Stream: func(ctx context.Context, c *tcp.Conn) error {
		up, err := f.dialer.Dial(ctx, *f.target.Load()).Await(ctx)
		if err != nil {
			return err // an event; the client's connection is closed
		}
		_, err = tcp.Pipe(ctx, c, up).Await(ctx)
		return err
	}}
	return f.server.StartInherited(ctx, addr)
}

// reload sets the target of new connections. The others keep theirs.
func (f *forwarder) reload(target string) { f.target.Store(&target) }

func Example_portForwarder() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		var targets []string
		for _, name := range []string{"blue", "green"} {
			target := &tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
				for line, err := range tcp.Lines(c, 1<<10) {
					if err != nil {
						return err
					}
					fmt.Fprintf(c, "%s says %s\n", name, line)
				}
				return nil
			}}
			if err := target.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			targets = append(targets, target.Addr().String())
		}
		var f forwarder
		if err := f.start(ctx, "127.0.0.1:0", targets[0]); err != nil {
			return err
		}
		ask := func(c *tcp.Conn, text string) error {
			if _, err := fmt.Fprintln(c, text); err != nil {
				return err
			}
			line, err := bufio.NewReader(c).ReadString('\n')
			fmt.Print(line)
			return err
		}
		first, err := tcp.Dial(ctx, f.server.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer first.Close()
		if err := ask(first, "one"); err != nil {
			return err
		}
		f.reload(targets[1])
		second, err := tcp.Dial(ctx, f.server.Addr().String()).Await(ctx)
		if err != nil {
			return err
		}
		defer second.Close()
		if err := ask(second, "two"); err != nil {
			return err
		}
		aio.LoopOf(ctx).Exit(nil) // pipes go on while the loop drains
		return ask(first, "three")
	})
	fmt.Println(err)
	// Output:
	// blue says one
	// green says two
	// blue says three
	// <nil>
}
