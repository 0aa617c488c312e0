package dnsx

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"unicode/utf8"

	"golang.org/x/net/dns/dnsmessage"
)

// SVCB says where and how a service can be reached (RFC 9460). A record with
// Priority 0 is an alias: Target is the name that has the records, and the
// other fields are empty. A program must not use a record if Mandatory has a
// key that the program does not support.
type SVCB struct {
	Priority      uint16 // the lowest is tried first
	Target        string // "." means the name that has the record
	Mandatory     []uint16
	ALPN          []string // protocols besides the default protocol
	NoDefaultALPN bool     // the default protocol is not supported
	Port          uint16   // 0: the service's default
	IPv4Hint      []netip.Addr
	IPv6Hint      []netip.Addr
	// an ECHConfigList, for tls.Config.EncryptedClientHelloConfigList
	ECH     []byte
	DoHPath string     // RFC 9461
	Other   []SVCParam // parameters without a field in SVCB
}

// HTTPS is SVCB for HTTP servers (RFC 9460, section 9).
type HTTPS struct{ SVCB }

// SVCParam is a parameter of an SVCB record in wire format.
type SVCParam struct {
	Key   uint16
	Value []byte
}

func (SVCB) recordType() dnsmessage.Type  { return dnsmessage.TypeSVCB }
func (HTTPS) recordType() dnsmessage.Type { return dnsmessage.TypeHTTPS }

// svcb returns the SVCB in a resource. If one of the parameters is malformed,
// the whole record is bad (RFC 9460, section 2.2).
func (n *safeNames) svcb(b *dnsmessage.SVCBResource) SVCB {
	s := SVCB{Priority: b.Priority, Target: n.take(b.Target)}
	if s.Priority == 0 {
		return s // parameters are ignored in AliasMode: section 2.4.2
	}
	keys := make([]uint16, len(b.Params))
	for i, p := range b.Params {
		keys[i] = uint16(p.Key)
		if i > 0 && keys[i] <= keys[i-1] || !s.param(p.Key, p.Value) {
			n.bad = true
		}
	}
	for _, k := range s.Mandatory {
		if _, ok := slices.BinarySearch(keys, k); !ok {
			n.bad = true
		}
	}
	if s.NoDefaultALPN && s.ALPN == nil { // section 7.1.1
		n.bad = true
	}
	return s
}

// param sets the field for one parameter. It reports whether that is
// well-formed.
func (s *SVCB) param(key dnsmessage.SVCParamKey, v []byte) (ok bool) {
	switch key {
	case dnsmessage.SVCParamMandatory:
		s.Mandatory, ok = mandatory(v)
	case dnsmessage.SVCParamALPN:
		s.ALPN, ok = alpn(v)
	case dnsmessage.SVCParamNoDefaultALPN:
		s.NoDefaultALPN, ok = true, len(v) == 0
	case dnsmessage.SVCParamPort:
		if ok = len(v) == 2; ok {
			s.Port = binary.BigEndian.Uint16(v)
		}
	case dnsmessage.SVCParamIPv4Hint:
		s.IPv4Hint, ok = hints(v, 4)
	case dnsmessage.SVCParamIPv6Hint:
		s.IPv6Hint, ok = hints(v, 16)
	case dnsmessage.SVCParamECH:
		s.ECH, ok = slices.Clone(v), len(v) > 0
	case dnsmessage.SVCParamDOHPath:
		s.DoHPath, ok = string(v), len(v) > 0 && utf8.Valid(v)
	default:
		s.Other, ok = append(s.Other, SVCParam{uint16(key), slices.Clone(v)}), true
	}
	return ok
}

// mandatory parses a list of keys, which must be in increasing order and must
// not have the key of "mandatory" (section 8).
func mandatory(v []byte) ([]uint16, bool) {
	if len(v) == 0 || len(v)%2 != 0 {
		return nil, false
	}
	keys := make([]uint16, 0, len(v)/2)
	last := uint16(0)
	for ; len(v) > 0; v = v[2:] {
		k := binary.BigEndian.Uint16(v)
		if k <= last {
			return nil, false
		}
		keys, last = append(keys, k), k
	}
	return keys, true
}

// alpn parses a list of protocols, each after its length (section 7.1.1).
func alpn(v []byte) (list []string, ok bool) {
	for len(v) > 0 {
		n := int(v[0])
		if n == 0 || n >= len(v) {
			return nil, false
		}
		list = append(list, string(v[1:1+n]))
		v = v[1+n:]
	}
	return list, list != nil
}

// hints parses a list of addresses of the given size (section 7.3).
func hints(v []byte, size int) (list []netip.Addr, ok bool) {
	if len(v) == 0 || len(v)%size != 0 {
		return nil, false
	}
	for ; len(v) > 0; v = v[size:] {
		a, _ := netip.AddrFromSlice(v[:size])
		list = append(list, a)
	}
	return list, true
}
