package dnsx

import (
	"bytes"
	"encoding/binary"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	headerLen = 12
	// udpSize is the size of an answer by UDP that we say we take (RFC 6891;
	// the value is that of DNS Flag Day 2020).
	udpSize = 1232
	// maxUDP bounds what is read of an answer by UDP. Servers that send more
	// than they may are let off up to here.
	maxUDP = 4096
	// padTo is the block size that queries over encrypted transports are padded
	// to (RFC 8467, section 4.1).
	padTo = 128
	// optionPadding is the EDNS(0) option that does it (RFC 7830).
	optionPadding = 12
)

// wire is a query as it is sent, and room for the answer.
type wire struct {
	out  []byte // two bytes of length, then the message
	qlen int    // the length of the question in it
	edns bool   // it says so
	in   [maxUDP]byte
}

var wires = sync.Pool{New: func() any { return &wire{out: make([]byte, 0, 512)} }}

// padding is what pads: zeros.
var padding [padTo]byte

// pack makes w the query for q.
func (w *wire) pack(id uint16, q question, edns, ad, pad bool) error {
	name, err := dnsmessage.NewName(q.name)
	if err != nil {
		return err
	}
	b := dnsmessage.NewBuilder(w.out[:2:cap(w.out)], dnsmessage.Header{ID: id, RecursionDesired: true, AuthenticData: ad})
	if err := b.StartQuestions(); err != nil {
		return err
	}
	if err := b.Question(dnsmessage.Question{Name: name, Type: q.typ, Class: dnsmessage.ClassINET}); err != nil {
		return err
	}
	w.qlen, w.edns = len(q.name)+1+4, edns
	if q.name == "." {
		w.qlen = 1 + 4
	}
	if edns {
		if err := w.addEDNS(&b, pad); err != nil {
			return err
		}
	}
	w.out, err = b.Finish()
	if err != nil {
		return err
	}
	binary.BigEndian.PutUint16(w.out, uint16(len(w.out)-2))
	return nil
}

// addEDNS adds the OPT record.
func (w *wire) addEDNS(b *dnsmessage.Builder, pad bool) error {
	if err := b.StartAdditionals(); err != nil {
		return err
	}
	var h dnsmessage.ResourceHeader
	if err := h.SetEDNS0(udpSize, dnsmessage.RCodeSuccess, false); err != nil {
		return err
	}
	var opt dnsmessage.OPTResource
	if pad {
		const optLen, optionLen = 11, 4 // of the record without options, and of an empty option
		n := headerLen + w.qlen + optLen + optionLen
		opt.Options = []dnsmessage.Option{{Code: optionPadding, Data: padding[:(padTo-n%padTo)%padTo]}}
	}
	return b.OPTResource(h, opt)
}

// message returns the query without the length before it.
func (w *wire) message() []byte { return w.out[2:] }

// answeredBy reports whether msg answers the query: a response of the same ID
// and opcode to the same question, whose name may differ in case. That is all
// that tells it from a forgery (RFC 5452, section 9.1), with the address it
// came from. A server that does not know EDNS may leave the question out when
// it says so.
func (w *wire) answeredBy(msg []byte) bool {
	out := w.message()
	if len(msg) < headerLen || msg[0] != out[0] || msg[1] != out[1] {
		return false
	}
	const response, opcode = 0x80, 0x78
	if msg[2]&response == 0 || msg[2]&opcode != 0 {
		return false
	}
	if w.edns && len(msg) == headerLen && bytes.Equal(msg[4:], make([]byte, 8)) {
		rcode := dnsmessage.RCode(msg[3] & 0xF)
		return rcode == dnsmessage.RCodeFormatError || rcode == dnsmessage.RCodeNotImplemented
	}
	if binary.BigEndian.Uint16(msg[4:]) != 1 || len(msg) < headerLen+w.qlen {
		return false
	}
	asked, got := out[headerLen:][:w.qlen], msg[headerLen:][:w.qlen]
	name := w.qlen - 4
	return equalFold(asked[:name], got[:name]) && bytes.Equal(asked[name:], got[name:])
}

// truncated reports whether the message says that it is not whole.
func truncated(msg []byte) bool { return msg[2]&2 != 0 }

// equalFold reports whether a and b, of the same length, are equal but for the
// case of ASCII letters. The lengths of labels are below 64, so they are no
// letters.
func equalFold(a, b []byte) bool {
	for i := range a {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lower returns c, if it is an upper-case ASCII letter in lower case.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
