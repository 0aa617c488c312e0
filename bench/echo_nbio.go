package main

import (
	"net"
	"runtime"

	"github.com/lesismal/nbio"
	"github.com/lesismal/nbio/logging"
)

func init() { roles["echo nbio"] = nbioEcho }

// nbioEcho echoes on nbio's pollers, one for each core.
func nbioEcho(c *control) error {
	logging.SetLevel(logging.LevelNone)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e := nbio.NewEngine(nbio.Config{
		Network: "tcp", Addrs: []string{ln.Addr().String()}, NPoller: runtime.NumCPU(),
		Listen: func(string, string) (net.Listener, error) { return ln, nil },
	})
	e.OnData(func(c *nbio.Conn, data []byte) {
		obey(data)
		if _, err := c.Write(data); err != nil {
			_ = c.Close() // it may be closed by now
		}
	})
	if err := e.Start(); err != nil {
		return err
	}
	defer e.Stop()
	c.ready(ln.Addr().String())
	return c.serve(nil)
}
