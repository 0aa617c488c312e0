package main

import (
	"bytes"
	"fmt"
	"net"
	"strings"
)

// The floors of the HTTP clients: connections of package net that send the same
// bytes for each request, and look for nothing but the answer's end. With the
// first a request's goroutine reads the answer. With the second each connection
// has a goroutine that reads, and hands the answer over on a channel, as every
// client must whose answers can be selected on.

const (
	floorClient    = "floor"
	floorTwoClient = "floor, 2 goroutines"
)

func init() {
	roles["client "+floorClient] = func(c *control) error { return floorWork(c, (*floorConn).ask) }
	roles["client "+floorTwoClient] = func(c *control) error { return floorWork(c, (*floorConn).askReader) }
}

// floored reports whether the floors can do the case.
func (w *clientCase) floored() bool {
	return !w.secure && w.hosts == 0 && w.post == 0 && w.size <= 1<<10 && w.path != "close"
}

// floorConn is a connection of a floor.
type floorConn struct {
	net.Conn
	request, want []byte
	room          []byte
	answers       chan floorReply // nil until a goroutine reads
}

type floorReply struct {
	text []byte
	err  error
}

// floorWork is the role of a floor. Each worker takes a connection for each
// request.
func floorWork(c *control, ask func(*floorConn) ([]byte, error)) error {
	w, err := newClientWork()
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(w.url(), "://")
	host, path, _ := strings.Cut(rest, "/")
	free := make(chan *floorConn, w.workers)
	for range w.workers {
		nc, err := net.Dial("tcp", host)
		if err != nil {
			return err
		}
		defer nc.Close()
		free <- &floorConn{
			Conn: nc, want: w.want, room: make([]byte, 4<<10),
			request: fmt.Appendf(nil, "GET /%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: floor\r\n\r\n", path, host),
		}
	}
	return c.workAtOnce(w.workers, func() error {
		conn := <-free
		answer, err := ask(conn)
		free <- conn
		_, body, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
		return w.check(body, err)
	})
}

// ask sends the request and reads the answer.
func (f *floorConn) ask() ([]byte, error) {
	if _, err := f.Write(f.request); err != nil {
		return nil, err
	}
	return f.answer()
}

// answer reads an answer.
func (f *floorConn) answer() ([]byte, error) {
	for n := 0; ; {
		m, err := f.Read(f.room[n:])
		n += m
		if err != nil || bytes.HasSuffix(f.room[:n], f.want) {
			return f.room[:n], err
		}
	}
}

// askReader sends the request, and waits for the answer from the goroutine that
// reads.
func (f *floorConn) askReader() ([]byte, error) {
	if f.answers == nil {
		f.answers = make(chan floorReply)
		go func() {
			for {
				text, err := f.answer()
				f.answers <- floorReply{text, err}
				if err != nil {
					return
				}
			}
		}()
	}
	if _, err := f.Write(f.request); err != nil {
		return nil, err
	}
	a := <-f.answers
	return a.text, a.err
}
