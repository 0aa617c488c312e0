package dnsserver

import (
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/net/dns/dnsmessage"
)

// form is the text form of a type's data.
type form struct {
	typ   dnsmessage.Type
	parse func(p *parser, args []token) (dnsmessage.ResourceBody, error)
}

// forms holds the types that a zone may have. init sets it, because the parsers
// refer to it.
var forms map[string]form

func init() {
	forms = map[string]form{
		"A":     {dnsmessage.TypeA, parseA},
		"AAAA":  {dnsmessage.TypeAAAA, parseAAAA},
		"CNAME": {dnsmessage.TypeCNAME, parseCNAME},
		"NS":    {dnsmessage.TypeNS, parseNS},
		"PTR":   {dnsmessage.TypePTR, parsePTR},
		"MX":    {dnsmessage.TypeMX, parseMX},
		"TXT":   {dnsmessage.TypeTXT, parseTXT},
		"SRV":   {dnsmessage.TypeSRV, parseSRV},
		"SOA":   {dnsmessage.TypeSOA, parseSOA},
		"CAA":   {typeCAA, parseCAA},
		"SVCB":  {dnsmessage.TypeSVCB, parseSVCB},
		"HTTPS": {dnsmessage.TypeHTTPS, parseHTTPS},
	}
}

// fields parses the arguments of a record one after the other. It keeps the
// first error.
type fields struct {
	p    *parser
	args []token
	err  error
}

// read returns the fields for count arguments. form is how they are written.
func read(p *parser, args []token, count int, form string) *fields {
	f := &fields{p: p, args: args}
	if len(args) != count {
		f.err = fmt.Errorf("want %s, got %d arguments", form, len(args))
	}
	return f
}

func (f *fields) next() token {
	w := f.args[0]
	f.args = f.args[1:]
	return w
}

// name parses a name.
func (f *fields) name() dnsmessage.Name {
	if f.err != nil {
		return dnsmessage.Name{}
	}
	s, err := f.p.name(f.next())
	f.err = err
	if err != nil {
		return dnsmessage.Name{}
	}
	return dnsmessage.MustNewName(s)
}

// number parses a number of at most the given number of bits.
func (f *fields) number(what string, bits int) uint64 {
	if f.err != nil {
		return 0
	}
	w := f.next()
	n, err := strconv.ParseUint(w.text, 10, bits)
	if err != nil {
		f.err = fmt.Errorf("%s %q is not a number from 0 to %d", what, w.text, uint64(1)<<bits-1)
	}
	return n
}

// time parses a time in seconds.
func (f *fields) time() uint32 {
	if f.err != nil {
		return 0
	}
	var t uint32
	t, f.err = ttl(f.next().text)
	return t
}

func parseA(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	a, err := address(p, args, "A ADDRESS")
	if err == nil && !a.Is4() {
		err = fmt.Errorf("%v is not an IPv4 address: AAAA is for IPv6", a)
	}
	if err != nil {
		return nil, err
	}
	return &dnsmessage.AResource{A: a.As4()}, nil
}

func parseAAAA(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	a, err := address(p, args, "AAAA ADDRESS")
	if err == nil && !a.Is6() {
		err = fmt.Errorf("%v is not an IPv6 address: A is for IPv4", a)
	}
	if err != nil {
		return nil, err
	}
	return &dnsmessage.AAAAResource{AAAA: a.As16()}, nil
}

func address(p *parser, args []token, form string) (netip.Addr, error) {
	f := read(p, args, 1, form)
	if f.err != nil {
		return netip.Addr{}, f.err
	}
	text := f.next().text
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", text)
	}
	return a, nil
}

func parseCNAME(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	f := read(p, args, 1, "CNAME NAME")
	return &dnsmessage.CNAMEResource{CNAME: f.name()}, f.err
}

func parseNS(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	f := read(p, args, 1, "NS NAME")
	return &dnsmessage.NSResource{NS: f.name()}, f.err
}

func parsePTR(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	f := read(p, args, 1, "PTR NAME")
	return &dnsmessage.PTRResource{PTR: f.name()}, f.err
}

func parseMX(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	f := read(p, args, 2, "MX PREFERENCE NAME")
	return &dnsmessage.MXResource{Pref: uint16(f.number("preference", 16)), MX: f.name()}, f.err
}

func parseSRV(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	f := read(p, args, 4, "SRV PRIORITY WEIGHT PORT TARGET")
	return &dnsmessage.SRVResource{
		Priority: uint16(f.number("priority", 16)),
		Weight:   uint16(f.number("weight", 16)),
		Port:     uint16(f.number("port", 16)),
		Target:   f.name(),
	}, f.err
}

func parseSOA(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	f := read(p, args, 7, "SOA SERVER MAILBOX SERIAL REFRESH RETRY EXPIRE MINIMUM")
	return &dnsmessage.SOAResource{
		NS: f.name(), MBox: f.name(), Serial: uint32(f.number("serial", 32)),
		Refresh: f.time(), Retry: f.time(), Expire: f.time(), MinTTL: f.time(),
	}, f.err
}

func parseTXT(_ *parser, args []token) (dnsmessage.ResourceBody, error) {
	r := new(dnsmessage.TXTResource)
	if len(args) == 0 {
		return nil, fmt.Errorf("want TXT \"STRING\", one or more, got none")
	}
	for _, w := range args {
		if len(w.text) > 255 {
			return nil, fmt.Errorf("a string of %d bytes: 255 are allowed, use several strings", len(w.text))
		}
		r.TXT = append(r.TXT, w.text)
	}
	return r, nil
}

func parseCAA(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	f := read(p, args, 3, "CAA FLAGS TAG \"VALUE\"")
	flags := f.number("flags", 8)
	if f.err != nil {
		return nil, f.err
	}
	tag, value := f.next().text, f.next().text
	if tag == "" || len(tag) > 255 {
		return nil, fmt.Errorf("a tag of %d bytes: 1 to 255 are allowed", len(tag))
	}
	data := append([]byte{byte(flags), byte(len(tag))}, tag...)
	return &dnsmessage.UnknownResource{Type: typeCAA, Data: append(data, value...)}, nil
}
