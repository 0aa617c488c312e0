package dnsx

import "golang.org/x/net/dns/dnsmessage"

// CAA restricts which authorities may issue certificates for the name (RFC
// 8659).
type CAA struct {
	Critical bool // an authority that does not know the Tag must not issue
	Tag      string
	Value    string
}

const typeCAA dnsmessage.Type = 257

func (CAA) recordType() dnsmessage.Type { return typeCAA }

// caa returns the CAA in a resource: flags, the tag's length, the tag of
// letters and digits, the value (RFC 8659, section 4.1).
func (s *safeNames) caa(b *dnsmessage.UnknownResource) CAA {
	d := b.Data
	if b.Type != typeCAA || len(d) < 3 || d[1] == 0 || int(d[1]) > len(d)-2 {
		s.bad = true
		return CAA{}
	}
	tag, value := string(d[2:2+int(d[1])]), string(d[2+int(d[1]):])
	for _, c := range []byte(tag) {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			s.bad = true
		}
	}
	return CAA{Critical: d[0]&0x80 != 0, Tag: lowerName(tag), Value: value}
}
