package main

import "net"

func init() { roles["echo raw net"] = rawEcho }

// rawEcho is what one writes with package net: a goroutine and a buffer of 4
// KiB for each connection.
func rawEcho(c *control) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return // closed
			}
			go echoAll(nc)
		}
	}()
	c.ready(ln.Addr().String())
	return c.serve(nil)
}

func echoAll(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 4<<10)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		obey(buf[:n])
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}
