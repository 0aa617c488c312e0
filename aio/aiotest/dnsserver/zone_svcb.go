package dnsserver

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// svcKeys holds the service parameters by name (RFC 9460, RFC 9461).
var svcKeys = map[string]dnsmessage.SVCParamKey{
	"mandatory":       dnsmessage.SVCParamMandatory,
	"alpn":            dnsmessage.SVCParamALPN,
	"no-default-alpn": dnsmessage.SVCParamNoDefaultALPN,
	"port":            dnsmessage.SVCParamPort,
	"ipv4hint":        dnsmessage.SVCParamIPv4Hint,
	"ech":             dnsmessage.SVCParamECH,
	"ipv6hint":        dnsmessage.SVCParamIPv6Hint,
	"dohpath":         dnsmessage.SVCParamDOHPath,
}

func parseSVCB(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	r, err := serviceBinding(p, args, "SVCB")
	if err != nil {
		return nil, err
	}
	return &r, nil
}

func parseHTTPS(p *parser, args []token) (dnsmessage.ResourceBody, error) {
	r, err := serviceBinding(p, args, "HTTPS")
	if err != nil {
		return nil, err
	}
	return &dnsmessage.HTTPSResource{SVCBResource: r}, nil
}

// serviceBinding parses "PRIORITY TARGET [KEY=VALUE]...".
func serviceBinding(p *parser, args []token, typ string) (dnsmessage.SVCBResource, error) {
	f := read(p, args[:min(len(args), 2)], 2, typ+" PRIORITY TARGET [KEY=VALUE]...")
	r := dnsmessage.SVCBResource{Priority: uint16(f.number("priority", 16)), Target: f.name()}
	if f.err != nil {
		return r, f.err
	}
	size := 0
	for _, w := range args[2:] {
		name, value, _ := strings.Cut(w.text, "=")
		key, err := svcKey(name)
		if err != nil {
			return r, err
		}
		if _, ok := r.GetParam(key); ok {
			return r, fmt.Errorf("parameter %s occurs twice", name)
		}
		data, err := svcValue(key, value)
		if err != nil {
			return r, fmt.Errorf("parameter %s: %w", name, err)
		}
		if size += len(data) + 4; size > 16<<10 {
			return r, fmt.Errorf("parameters of more than 16 KiB")
		}
		r.SetParam(key, data)
	}
	return r, nil
}

// svcKey returns the key for a parameter's name, which may be keyNNNNN.
func svcKey(name string) (dnsmessage.SVCParamKey, error) {
	if key, ok := svcKeys[name]; ok {
		return key, nil
	}
	if digits, ok := strings.CutPrefix(name, "key"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return dnsmessage.SVCParamKey(n), nil
		}
	}
	return 0, fmt.Errorf("unknown parameter %q: want a name of RFC 9460, or keyNNNNN", name)
}

// svcValue returns a parameter's value in wire format.
func svcValue(key dnsmessage.SVCParamKey, value string) ([]byte, error) {
	switch key {
	case dnsmessage.SVCParamMandatory:
		return svcList(value, func(b []byte, s string) ([]byte, error) {
			k, err := svcKey(s)
			return binary.BigEndian.AppendUint16(b, uint16(k)), err
		})
	case dnsmessage.SVCParamALPN:
		return svcList(value, func(b []byte, s string) ([]byte, error) {
			if s == "" || len(s) > 255 {
				return nil, fmt.Errorf("a protocol of %d bytes: 1 to 255 are allowed", len(s))
			}
			return append(append(b, byte(len(s))), s...), nil
		})
	case dnsmessage.SVCParamNoDefaultALPN:
		if value != "" {
			return nil, fmt.Errorf("it takes no value")
		}
		return nil, nil
	case dnsmessage.SVCParamPort:
		n, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is not a port", value)
		}
		return binary.BigEndian.AppendUint16(nil, uint16(n)), nil
	case dnsmessage.SVCParamIPv4Hint, dnsmessage.SVCParamIPv6Hint:
		return svcList(value, func(b []byte, s string) ([]byte, error) {
			a, err := netip.ParseAddr(s)
			if err != nil || a.Zone() != "" || a.Is4() != (key == dnsmessage.SVCParamIPv4Hint) {
				return nil, fmt.Errorf("%q is not an address of the family", s)
			}
			return append(b, a.AsSlice()...), nil
		})
	case dnsmessage.SVCParamECH:
		return base64.StdEncoding.DecodeString(value)
	}
	return []byte(value), nil
}

// svcList parses a list separated by commas.
func svcList(value string, add func(b []byte, s string) ([]byte, error)) (b []byte, err error) {
	for s := range strings.SplitSeq(value, ",") {
		if b, err = add(b, s); err != nil {
			return nil, err
		}
	}
	return b, nil
}
