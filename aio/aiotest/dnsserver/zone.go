package dnsserver

import (
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// typeCAA is the type of CAA records (RFC 8659), which dnsmessage has no name
// for.
const typeCAA = dnsmessage.Type(257)

// A zone is what a server knows: records by name, and the names at which zones
// begin. It does not change once it is parsed.
type zone struct {
	nodes map[string]*node // lower case, fully qualified
	soas  int              // how many names have an SOA
}

// A node is a name that exists: one with records or with such names below it.
type node struct {
	records []record
}

// A record is one line of a zone.
type record struct {
	ttl  uint32
	typ  dnsmessage.Type
	body dnsmessage.ResourceBody
}

// found is what a zone says about a question.
type found struct {
	records []owned // the chain of CNAMEs, then the records asked for
	soa     *owned  // of the zone of the last name, if it has no such records
	rcode   dnsmessage.RCode
}

// An owned record is a record with the name that it is handed out for.
type owned struct {
	name string
	record
}

// maxChain bounds how many CNAMEs are followed.
const maxChain = 16

// lookup answers a question about a name in lower case, fully qualified.
func (z *zone) lookup(name string, typ dnsmessage.Type) found {
	var f found
	for len(f.records) < maxChain && !f.has(name) {
		apex, soa := z.soaOf(name)
		if soa == nil {
			if len(f.records) == 0 {
				f.rcode = dnsmessage.RCodeRefused
			}
			return f // a chain that leaves what we know is for the client to follow
		}
		n := z.find(name)
		if n == nil {
			f.rcode = dnsmessage.RCodeNameError
			f.soa = &owned{apex, *soa}
			return f
		}
		if n.answer(&f, name, typ) {
			return f
		}
		alias := n.first(dnsmessage.TypeCNAME)
		if alias == nil {
			f.soa = &owned{apex, *soa}
			return f
		}
		f.records = append(f.records, owned{name, *alias})
		name = lower(alias.body.(*dnsmessage.CNAMEResource).CNAME.String())
	}
	return f
}

// has reports whether a record of the name is there already: a chain that comes
// back to it is a loop.
func (f *found) has(name string) bool {
	return slices.ContainsFunc(f.records, func(r owned) bool { return r.name == name })
}

// answer appends the node's records of the type to f and reports whether it has
// any.
func (n *node) answer(f *found, name string, typ dnsmessage.Type) bool {
	has := false
	for _, r := range n.records {
		if r.typ == typ {
			f.records = append(f.records, owned{name, r})
			has = true
		}
	}
	return has
}

// first returns the node's first record of the type, or nil.
func (n *node) first(typ dnsmessage.Type) *record {
	for i := range n.records {
		if n.records[i].typ == typ {
			return &n.records[i]
		}
	}
	return nil
}

// find returns the node that answers for the name: its own, or that of the
// wildcard below the closest ancestor that exists (RFC 4592). It is nil if
// there is no such name.
func (z *zone) find(name string) *node {
	if n := z.nodes[name]; n != nil {
		return n
	}
	for up, ok := parent(name); ok; up, ok = parent(up) {
		if z.nodes[up] != nil {
			return z.nodes[child("*", up)]
		}
	}
	return nil
}

// soaOf returns the SOA of the zone that the name is in, and the name it is at.
// The SOA is nil if the name is in none.
func (z *zone) soaOf(name string) (apex string, soa *record) {
	for up, ok := name, true; ok; up, ok = parent(up) {
		if n := z.nodes[up]; n != nil {
			if soa := n.first(dnsmessage.TypeSOA); soa != nil {
				return up, soa
			}
		}
	}
	return "", nil
}

// add takes in a record, and makes the names above it exist.
func (z *zone) add(name string, r record) {
	n := z.node(name)
	n.records = append(n.records, r)
	if r.typ == dnsmessage.TypeSOA {
		z.soas++
	}
}

// node returns the node of a name, made if need be together with those above
// it.
func (z *zone) node(name string) *node {
	n := z.nodes[name]
	if n == nil {
		n = new(node)
		z.nodes[name] = n
		if up, ok := parent(name); ok {
			z.node(up)
		}
	}
	return n
}

// parent cuts the first label off a name. The root has no parent.
func parent(name string) (string, bool) {
	if name == "." {
		return "", false
	}
	_, up, _ := strings.Cut(name, ".")
	if up == "" {
		return ".", true
	}
	return up, true
}

// child puts a label before a name.
func child(label, name string) string {
	if name == "." {
		return label + "."
	}
	return label + "." + name
}
