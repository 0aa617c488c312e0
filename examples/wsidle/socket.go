package main

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"goaio.example/aio/tcp"
)

// maxMessage bounds a message, in bytes.
const maxMessage = 64 << 10

// socket is a WebSocket whose frames come in callbacks. Those of one connection
// do not overlap.
type socket struct {
	all     *sockets
	conn    *tcp.Conn
	shaken  bool      // the handshake is done
	held    []byte    // a frame that has come in part
	kind    ws.OpCode // of a message that has come in part
	message []byte    // it
	partial bool      // there is one
}

// data takes what has come.
func (k *socket) data(_ *tcp.Conn, p []byte) {
	k.held = append(k.held, p...)
	if !k.shaken && !k.handshake() {
		return
	}
	for {
		f, n, status := k.next()
		if status == 0 && n > 0 {
			k.held = k.held[n:]
			status = k.frame(f)
		}
		if status != 0 {
			k.held = nil
			k.close(status)
			return
		}
		if n == 0 {
			break
		}
	}
	if len(k.held) == 0 {
		k.held = nil // an idle socket has no buffer
	}
}

// maxHandshake bounds a handshake, in bytes.
const maxHandshake = 8 << 10

// handshake makes the handshake once it has come. It reports false if it has
// not, or has failed.
func (k *socket) handshake() bool {
	end := bytes.Index(k.held, []byte("\r\n\r\n"))
	switch {
	case end >= 0 && end < maxHandshake:
	case len(k.held) < maxHandshake:
		return false
	default:
		k.conn.Close()
		return false
	}
	end += len("\r\n\r\n")
	var answer bytes.Buffer
	_, err := ws.Upgrader{}.Upgrade(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(k.held[:end]), &answer})
	k.conn.Write(answer.Bytes()) // which is a refusal after an error
	if err != nil {
		k.conn.Close()
		return false
	}
	k.held, k.shaken = k.held[end:], true
	k.conn.SetBusy(true) // a drain leaves it to goAway
	// it may be idle for as long as it likes; fails only if it has ended
	k.conn.SetTimeouts(0, sendTime)
	if !k.all.add(k) {
		k.close(ws.StatusGoingAway)
		return false
	}
	return true
}

// next returns the frame that has come, and its length; 0 if it is not
// complete. The status is why the socket is closed.
func (k *socket) next() (f ws.Frame, n int, status ws.StatusCode) {
	r := bytes.NewReader(k.held)
	h, err := ws.ReadHeader(r)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return f, 0, 0
	case err != nil:
		return f, 0, ws.StatusProtocolError
	}
	state := ws.StateServerSide
	if k.partial {
		state = state.Set(ws.StateFragmented)
	}
	if ws.CheckHeader(h, state) != nil {
		return f, 0, ws.StatusProtocolError
	}
	if h.Length > maxMessage {
		return f, 0, ws.StatusMessageTooBig
	}
	if int64(r.Len()) < h.Length {
		return f, 0, 0
	}
	begin := len(k.held) - r.Len()
	n = begin + int(h.Length)
	payload := k.held[begin:n]
	ws.Cipher(payload, h.Mask, 0)
	return ws.Frame{Header: h, Payload: payload}, n, 0
}

// frame takes a frame.
func (k *socket) frame(f ws.Frame) ws.StatusCode {
	switch f.Header.OpCode {
	case ws.OpPing:
		k.send(ws.OpPong, f.Payload)
		return 0
	case ws.OpPong:
		return 0
	case ws.OpClose:
		return ws.StatusNormalClosure
	case ws.OpContinuation:
	default:
		k.kind, k.partial = f.Header.OpCode, true
	}
	if len(k.message)+len(f.Payload) > maxMessage {
		return ws.StatusMessageTooBig
	}
	k.message = append(k.message, f.Payload...)
	if !f.Header.Fin {
		return 0
	}
	message := k.message
	k.message, k.partial = nil, false
	if k.kind == ws.OpText && !utf8.Valid(message) {
		return ws.StatusInvalidFramePayloadData
	}
	k.send(k.kind, message)
	return 0
}

// send sends a frame. It waits while the client does not read, and then the
// client is not read from.
func (k *socket) send(op ws.OpCode, payload []byte) {
	// fails only on a connection that ends
	k.conn.Write(ws.MustCompileFrame(ws.NewFrame(op, true, payload)))
}

// close tells the client why, and ends the connection behind that.
func (k *socket) close(status ws.StatusCode) {
	k.send(ws.OpClose, ws.NewCloseFrameBody(status, ""))
	k.conn.Close() // fails only on a connection that has ended
	k.all.forget(k)
}

// closed comes when the connection has ended.
func (k *socket) closed(*tcp.Conn, error) { k.all.forget(k) }
