package mongo_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Operation codes of the protocol.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

// message is one that came.
type message struct {
	id, code uint32
	doc      bson.Raw
}

// name returns the command's.
func (m *message) name() string {
	e, err := m.doc.IndexErr(0)
	if err != nil {
		return ""
	}
	return e.Key()
}

// readMessage reads a message. Sections with documents are left out.
func readMessage(r io.Reader) (*message, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[:])
	if size < 16 || size > 48<<20 {
		return nil, fmt.Errorf("a message of %d bytes", size)
	}
	body := make([]byte, size-16)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	m := &message{id: binary.LittleEndian.Uint32(head[4:]), code: binary.LittleEndian.Uint32(head[12:])}
	switch m.code {
	case opMsg:
		m.doc = section(body[4:]) // behind the flags
	case opQuery:
		_, rest, _ := bytes.Cut(body[4:], []byte{0}) // flags, the collection's name
		m.doc = rest[8:]                             // how many to skip and to return
	default:
		return nil, fmt.Errorf("a message of the kind %d", m.code)
	}
	return m, m.doc.Validate()
}

// section returns the document of the section of kind 0.
func section(b []byte) bson.Raw {
	for len(b) > 5 {
		size := binary.LittleEndian.Uint32(b[1:])
		if b[0] == 0 {
			return b[1 : 1+size]
		}
		b = b[1+size:]
	}
	return nil
}

// write answers the message.
func (m *message) write(w io.Writer, answer bson.D) error {
	doc, err := bson.Marshal(answer)
	if err != nil {
		return err
	}
	var body []byte
	code := uint32(opMsg)
	if m.code == opQuery {
		code = opReply
		body = make([]byte, 20)
		body[16] = 1 // document
	} else {
		body = make([]byte, 5) // flags, the section's kind
	}
	body = append(body, doc...)
	head := binary.LittleEndian.AppendUint32(nil, uint32(16+len(body)))
	head = binary.LittleEndian.AppendUint32(head, 0)
	head = binary.LittleEndian.AppendUint32(head, m.id)
	head = binary.LittleEndian.AppendUint32(head, code)
	_, err = w.Write(append(head, body...))
	return err
}
