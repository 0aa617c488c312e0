package transport

import (
	"bytes"
	"encoding/binary"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	headerLen = 12
	// udpSize is the size of answers by UDP that queries announce (RFC 6891).
	// The value is that of DNS Flag Day 2020.
	udpSize = 1232
	// maxUDP is the size of the largest answer by UDP that is accepted, even
	// though it is larger than announced.
	maxUDP = 4096
	// padTo is the block size to which encrypted queries are padded (RFC 8467,
	// section 4.1).
	padTo = 128
	// optionPadding is the code of the EDNS(0) option for padding (RFC 7830).
	optionPadding = 12
)

// wire is a query in the form in which it is sent, and room for the answer.
type wire struct {
	out  []byte // two bytes of length, then the message
	qlen int    // the length of the question in the message
	edns bool   // the message has EDNS(0)
	in   [maxUDP]byte
}

var wires = sync.Pool{New: func() any { return &wire{out: make([]byte, 0, 512)} }}

// padding is the value of the padding option: zeros.
var padding [padTo]byte

// pack makes w a query.
func (w *wire) pack(id uint16, name string, typ dnsmessage.Type, edns, ad, pad bool) error {
	n, err := dnsmessage.NewName(name)
	if err != nil {
		return err
	}
	b := dnsmessage.NewBuilder(w.out[:2:cap(w.out)], dnsmessage.Header{ID: id, RecursionDesired: true, AuthenticData: ad})
	if err := b.StartQuestions(); err != nil {
		return err
	}
	if err := b.Question(dnsmessage.Question{Name: n, Type: typ, Class: dnsmessage.ClassINET}); err != nil {
		return err
	}
	w.qlen, w.edns = len(name)+1+4, edns
	if name == "." {
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
		// of a record without options, of an empty option
		const optLen, optionLen = 11, 4
		n := headerLen + w.qlen + optLen + optionLen
		opt.Options = []dnsmessage.Option{{Code: optionPadding, Data: padding[:(padTo-n%padTo)%padTo]}}
	}
	return b.OPTResource(h, opt)
}

// message returns the query without the two bytes of length.
func (w *wire) message() []byte { return w.out[2:] }

// answeredBy reports whether msg answers the query: it is a response with the
// same ID and opcode to the same question, whose name may differ in case.
// Together with the address that it comes from, that is all that tells an
// answer from a forgery (RFC 5452, section 9.1). A server that does not
// implement EDNS may leave out the question when it says so.
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

// truncated reports whether the message has the TC bit set.
func truncated(msg []byte) bool { return msg[2]&2 != 0 }

// equalFold reports whether a and b, which have the same length, are equal
// under ASCII case-folding. The lengths of labels are below 64 and thus not
// letters.
func equalFold(a, b []byte) bool {
	for i := range a {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// lower returns c, an upper-case ASCII letter in lower case.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
